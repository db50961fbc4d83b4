"""The second opinion on receipts of routing decisions, read from docs/log-format.md by itself."""

_PARTS = 8
_REASONS = 14


def read_slip(data: bytes, at: int, end: int) -> tuple[list[int], list[tuple]]:
    """Return (SKUs wanted, legs chosen) of a receipt: each leg is (location, day, units of each
    SKU). `ValueError` unless the receipt ends at `end`."""
    numbers, at = _take(data, at, end, 4)
    at += numbers[3]
    (count,), at = _take(data, at, end, 1)
    demands, at = _take(data, at, end, 2 * count)
    (_, pairs), at = _take(data, at, end, 2)
    reasons, at = _take(data, at, end, 2 * pairs)
    (pairs,), at = _take(data, at, end, 1)
    excluded, at = _take(data, at, end, 2 * pairs)
    if any(reason >= _REASONS for reason in (*reasons[::2], *excluded[1::2])):
        raise ValueError("a routing receipt has a reason that is not known")
    (*_, legs), at = _take(data, at, end, 4)
    chosen = []
    for _ in range(legs):
        leg, at = _take(data, at, end, 6 + count + _PARTS)
        chosen.append((leg[0], leg[2], leg[4 : 4 + count]))
    (_, legs), at = _take(data, at, end, 2)
    _, at = _take(data, at, end, legs * (6 + count + _PARTS))
    if at != end:
        raise ValueError("a routing receipt is longer than what it says")
    return demands[::2], chosen


def _take(data: bytes, at: int, end: int, count: int) -> tuple[list[int], int]:
    """Read so many numbers of seven bits a byte; return them and where they end."""
    found = []
    for _ in range(count):
        value = shift = 0
        while True:
            if at >= end:
                raise ValueError("a routing receipt is cut")
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        found.append(value)
    return found, at
