"""All returns of all orders by when they were opened, for lists; derived from the notes."""

from bisect import bisect_left, insort


class ReturnIndex:
    """(seq of the order, id of the return) by the seq that opened the return. Those that are
    dropped leave a gap until half of all are gaps."""

    def __init__(self) -> None:
        self._seqs: list[int] = []
        self._where: dict[int, tuple[int, str]] = {}

    def __len__(self) -> int:
        return len(self._where)

    def add(self, seq: int, order: int, return_id: str) -> None:
        """Take one up."""
        self._where[seq] = (order, return_id)
        insort(self._seqs, seq)

    def drop(self, seq: int) -> None:
        """Forget one."""
        del self._where[seq]
        if 2 * len(self._where) < len(self._seqs):
            self._seqs = sorted(self._where)

    def before(self, seq: int, most: int) -> tuple[list[tuple[int, int, str]], int | None]:
        """Return ([(seq, order, id), …], seq to go on before or None): those opened before `seq`
        (0: all), newest first, of which `most` numbers are looked at."""
        end = bisect_left(self._seqs, seq) if seq else len(self._seqs)
        start = max(end - most, 0)
        found = [
            (one, *self._where[one])
            for one in reversed(self._seqs[start:end])
            if one in self._where
        ]
        return found, self._seqs[start] if start else None
