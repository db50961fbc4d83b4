"""Packed requests from JSON bodies; see packed.pyx for what each name does."""

class Packer:
    count: int
    def __len__(self) -> int: ...
    def body(
        self,
        kind: int,
        body: bytes,
        actor: bytes,
        *,
        key: bytes = b"",
        path: bytes = b"",
        tag: int = 0,
        brief: bool = False,
    ) -> bool: ...
    def raw(self, request: bytes) -> None: ...
    def take(self) -> bytes: ...

def fingerprint(data: bytes) -> int: ...
def tally(answers: bytes) -> tuple[int, int]: ...
