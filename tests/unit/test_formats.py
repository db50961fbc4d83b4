"""The published formats: the worked examples in docs/ are what the code writes, byte for byte."""

import re
import struct
from pathlib import Path

import pytest

from engine.core import events, limits, records
from engine.core.commands import (
    OrderLine,
    PlaceOrder,
    PutLocation,
    PutSku,
    ReceiptLine,
    Receive,
    Request,
)
from engine.core.ledger import Ledger
from engine.log import archive, frame, marks, snapshot
from engine.log.books import KINDS
from tests.unit.logkit import Chain

DOCS = Path(__file__).parents[2] / "docs"
LOG, SNAPSHOT = (DOCS / name for name in ("log-format.md", "snapshot-format.md"))


def example(path: Path, name: str) -> bytes:
    """The bytes of a worked example: the hex column of the block behind its marker."""
    block = path.read_text().split(f"<!-- example: {name} -->\n```text\n")[1].split("```")[0]
    return b"".join(bytes.fromhex(line[:47]) for line in block.splitlines())


@pytest.fixture(scope="module")
def chain() -> Chain:
    made = Chain()
    made.done(PutLocation("B", "Berlin", "warehouse", "DE"), PutSku("MUG", "Mug"))
    made.done(Request(Receive("r1", "B", (ReceiptLine("MUG", 2),)), "key_1"))
    return made


def test_the_example_of_a_state(chain) -> None:
    data = example(SNAPSHOT, "state 4")
    assert data == chain.ledger.dump()
    ledger = Ledger.load(data)
    assert (ledger.seq, ledger.stock("MUG").on_hand) == (4, 2)


def test_the_examples_of_fence_and_frame(chain) -> None:
    data = example(LOG, "fence 1-0")
    assert ("1-0", data) == chain.entries[0]
    assert frame.unpack_fence(data, "1-0") == (1, "test")
    lines = (OrderLine("MUG", 1, unit_price=1250),)
    order = PlaceOrder(order_id="1001", channel="web", lines=lines)
    chain.done(Request(order, "key_1", "k-7"))
    data = example(LOG, "frame 1-5")
    assert ("1-5", data) == chain.entries[-1]
    found = frame.unpack(data, "1-5")
    event = records.decode(found.body)
    assert isinstance(event, events.OrderPlaced)
    assert (event.channel, event.order_id, event.cause.key) == ("web", "1001", "k-7")
    assert event.lines == (events.Line(0, 1, (events.Take(0, 1),), 0, 1250, ""),)


def test_every_line_of_an_example_says_what_it_is() -> None:
    for path, name in ((LOG, "fence 1-0"), (LOG, "frame 1-5"), (SNAPSHOT, "state 4")):
        block = path.read_text().split(f"<!-- example: {name} -->\n```text\n")[1].split("```")[0]
        assert len(block.splitlines()[0]) > 50, name


def test_every_kind_document_bucket_and_status_is_written_down() -> None:
    text = LOG.read_text()
    table = text.split("## Records")[1].split("Documents:")[0]
    rows = dict(re.findall(r"^\| (\d+) \| ([\w ]+) \|", table, re.M))
    for kind in events.Kind:
        word = kind.name.lower()
        assert rows[str(int(kind))].lower() == word.replace("_", " ")
        assert KINDS[kind] == word
    text = text.replace("\n", " ")
    for table in (events.Document, events.OrderStatus):
        for member in table:
            assert f"{int(member)} {member.name.lower().replace('_', ' ')}" in text
    for bucket in events.BucketId:
        assert f"{int(bucket)} {bucket.name.lower()}" in text


def test_stated_sizes_and_bounds_are_those_of_the_code() -> None:
    def total(text: str, after: str) -> int:
        table = text.split(after)[1].split("| packed |")[0].split("| size | records")[0]
        return sum(int(n) for n in re.findall(r"^\| (\d+) \|", table, re.M))

    log, snap = LOG.read_text(), SNAPSHOT.read_text()
    assert total(log, "## Frame") == frame.HEAD_BYTES
    assert total(log, "## Archive") == archive._HEAD.size
    assert total(snap, "## File") == snapshot._HEAD.size
    assert struct.calcsize("<8sHQQQ16s") == marks._MARK.size
    assert f"{limits.FRAME_EVENTS_MAX:,} events" in log
    assert f"{limits.FRAME_BODY_BYTES_MAX >> 20} MiB" in log
    for magic in (frame.MAGIC, frame.FENCE_MAGIC, archive.MAGIC, marks.MAGIC):
        assert f"`{magic.decode()}`" in log
    assert f"`{snapshot.MAGIC.decode()}`" in snap
