"""The fast lane; see fastlane.pyx for what each name does."""

from collections.abc import Callable
from typing import Any

class Block:
    length: int
    token: str
    key: bytes
    def __init__(self, length: int, token: str, key: bytes) -> None: ...

class LaneCycle:
    protocol: Any
    transport: Any
    response_complete: bool
    response_started: bool
    keep_alive: bool
    disconnected: bool
    behind: bool
    message_event: Any
    def __init__(self, protocol: Any, transport: Any) -> None: ...

class Form:
    def __init__(self, status: int, head: bytes, tail: bytes, start: bytes) -> None: ...

class Parcel:
    count: int
    def watch(self, enough: int, call: Callable[[], None]) -> None: ...
    def close(self) -> bytes: ...
    def deliver(self, answers: bytes) -> None: ...

class Lane:
    def __init__(
        self,
        submit: Callable[[Parcel], bool],
        learn: Callable[[bytes], Block | None],
        keys: Any,
        forms: dict[int, Form],
        made: Form,
        done: Form,
    ) -> None: ...
    def tally(self) -> dict[tuple[int, int], int]: ...
    def offer(self, cycle: LaneCycle, data: bytes) -> int: ...
