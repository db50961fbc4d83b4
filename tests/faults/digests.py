"""Check 8: one log, several ways to replay it, one digest (P7); a stream that agrees (P11)."""

from engine.core.errors import DibsError
from engine.core.ledger import Ledger
from engine.log.frame import unpack
from tests.faults.twin import Twin
from tests.faults.verdict import Verdict


def replay(entries: list[tuple[str, bytes]], make: type, start: bytes = b"", after: int = 0):
    """Return a ledger of class `make` after all frames beyond seq `after`."""
    ledger = make.load(start) if start else make()
    for entry_id, data in entries:
        if entry_id.endswith("-0"):
            continue
        frame = unpack(data, entry_id)
        if frame.first_seq > after:
            ledger.apply(frame.stamp_us, frame.first_seq, frame.body)
    return ledger


def compare(verdict: Verdict, entries: list[tuple[str, bytes]], fast: type | None) -> None:
    """Replay in the slow twin, in the fast one, and each from the other's dump half-way."""
    makes = {"slow": Ledger} | ({"fast": fast} if fast else {})
    try:
        for name, make in makes.items():
            verdict.digests[name] = replay(entries, make).digest()
        half = entries[: len(entries) // 2]
        for name, make in makes.items():
            first = replay(half, make)
            for other, load in makes.items():
                ledger = replay(entries, load, first.dump(), first.seq)
                verdict.digests[f"{name} dump, {other} tail"] = ledger.digest()
    except DibsError as error:
        verdict.add(8, "P7", 0, f"a replay fails: {error!r}", digests=verdict.digests)
        return
    verdict.digest = verdict.digests["slow"]
    if len(set(verdict.digests.values())) > 1:
        verdict.add(8, "P7", 0, "replays differ", digests=verdict.digests)


def compare_stream(verdict: Verdict, stock: list[tuple[str, dict[str, str]]], twin: Twin) -> None:
    """The stock stream ends, for every position that ever changed, at the twin's quantities."""
    last: dict[tuple[str, str], tuple[str, dict[str, str]]] = {}
    before = (0, -1)
    for entry_id, fields in stock:
        place = tuple(map(int, entry_id.split("-")))
        if not before < place or place[0] > twin.state.seq:
            verdict.add(7, "P8", place[0], "the stock stream is out of order or ahead of the log")
        before = place
        last[fields["sku"], fields["location"]] = (entry_id, fields)
    for position in twin.state.positions:
        name = twin.state.sku_name(position.sku), twin.state.location_name(position.location)
        true = {
            "on_hand": position.on_hand,
            "reserved": position.reserved,
            "allocated": position.allocated,
            "unavailable": position.unavailable,
            "available": position.available,
        }
        entry_id, fields = last.get(name, ("", {}))
        if any(true.values()) and any(int(fields.get(field, -1)) != true[field] for field in true):
            verdict.add(
                8, "P11", 0, f"the stock stream ends elsewhere for {name}",
                entry=entry_id, fields=fields, twin=true,
            )  # fmt: skip
