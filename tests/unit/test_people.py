"""People: what is stored gives nothing away, sessions end when they are said to, a change of role
or password counts at once, and guessing is slow."""

import json
import stat
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from engine.core import limits
from engine.service.people import first, passwords
from engine.service.people.attempts import Attempts
from engine.service.people.book import SESSIONS, USERS, People
from engine.service.people.passwords import Hasher
from engine.service.people.records import GRANTS, ROLES, Refusal
from tests.contract.world import PASSWORD, DictStore, cheap_hasher

SECRET = b"0123456789abcdef" * 2


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def book(store: DictStore | None = None, clock: Clock | None = None) -> People:
    found = People(store or DictStore(), SECRET, hasher=cheap_hasher(), clock=clock or Clock())
    found.refresh()
    return found


def signed(people: People, user: str = "ada", role: str = "admin"):
    """A user with a password of its own; returns the session and its token."""
    _, given = people.put(user, role, "test")
    begun, _ = people.sign_in(user, given, "here", "browser")
    return people.change_password(begun, given, PASSWORD)


def code_of(found: object) -> str:
    assert isinstance(found, Refusal), found
    return found.code


# Passwords.


def test_the_hash_is_argon2id_of_the_stated_cost_and_tells_passwords_apart() -> None:
    hasher = Hasher()
    stored = hasher.hash(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hasher.hash(PASSWORD) != stored, "each has a salt of its own"
    assert hasher.fits(stored, PASSWORD)
    assert not hasher.fits(stored, PASSWORD + " ") and not hasher.fits(stored, "")
    assert not hasher.fits(None, PASSWORD) and not hasher.fits("damaged", PASSWORD)


def test_the_same_text_typed_on_another_keyboard_is_the_same_password() -> None:
    hasher = cheap_hasher()
    assert hasher.fits(
        hasher.hash("sch\u00f6ne gr\u00fc\u00dfe an alle"), "scho\u0308ne gru\u0308\u00dfe an alle"
    )


@pytest.mark.parametrize(
    "bad", ["", "short", "x" * 14, "a" * 40, "abab" * 10, "ada" * 8, "ada ada ada ada"]
)
def test_weak_passwords_are_refused_with_the_field_to_blame(bad: str) -> None:
    found = passwords.fault(bad, "ada", "new_password")
    assert found and (found.code, found.path) == ("weak_password", "new_password")


def test_good_and_temporary_passwords_are_taken() -> None:
    made = {passwords.temporary() for _ in range(100)}
    assert len(made) == 100
    for good in (PASSWORD, "fünfzehn Äpfel!!", *made):
        assert passwords.fault(good, "ada", "password") is None


# Guessing.


def test_tries_run_out_and_come_back_one_by_one() -> None:
    tries = Attempts()
    for _ in range(limits.SIGN_IN_TRIES):
        assert tries.wait_s("ada", "here", 0.0) == 0
    assert tries.wait_s("ada", "here", 0.0) == limits.SIGN_IN_RETRY_S
    assert tries.wait_s("ada", "elsewhere", 0.0) == 0, "others may still be ada"
    assert tries.wait_s("bob", "here", 0.0) == 0
    later = float(limits.SIGN_IN_RETRY_S)
    assert tries.wait_s("ada", "here", later) == 0
    assert tries.wait_s("ada", "here", later) > 0
    tries.good("ada", "here")
    assert tries.wait_s("ada", "here", later) == 0


def test_many_addresses_run_out_too() -> None:
    tries = Attempts()
    waits = [tries.wait_s("ada", str(n), 0.0) for n in range(limits.SIGN_IN_TRIES_ANYWHERE + 1)]
    assert waits[:-1] == [0] * limits.SIGN_IN_TRIES_ANYWHERE and waits[-1] > 0


def test_what_is_remembered_of_tries_is_bounded() -> None:
    tries = Attempts(most=100)
    for n in range(1_000):
        tries.wait_s(f"user{n}", "here", 0.0)
    assert len(tries) == 100


def test_too_many_tries_are_refused_even_with_the_right_password() -> None:
    people = book()
    signed(people)
    for _ in range(limits.SIGN_IN_TRIES):
        assert code_of(people.sign_in("ada", "wrong", "there", "")) == "sign_in_failed"
    refused = people.sign_in("ada", PASSWORD, "there", "")
    assert code_of(refused) == "too_many_attempts" and refused.retry_after_s > 0
    assert not isinstance(people.sign_in("ada", PASSWORD, "home", ""), Refusal)


# Sessions.


def test_who_is_nobody_knows_and_who_is_wrong_are_told_the_same() -> None:
    people = book()
    signed(people)
    wrong = people.sign_in("ada", "wrong", "here", "")
    assert wrong == people.sign_in("nobody", "wrong", "here", "")
    assert not isinstance(people.sign_in(" ADA ", PASSWORD, "here", ""), Refusal)


def test_a_session_outlives_a_restart_and_its_twins_open_nothing() -> None:
    store, clock = DictStore(), Clock()
    begun, token = signed(book(store, clock))
    again = book(store, clock)
    again.start()
    try:
        found = again.whois(token)
        assert found.user == begun.user and found.actor == "user:ada"
        for index in range(len(token)):
            twin = token[:index] + ("0" if token[index] != "0" else "1") + token[index + 1 :]
            assert again.whois(twin) is None
        for wrong in ("", token[:-1], token + "0", "ä" + token, "x" * 500):
            assert again.whois(wrong) is None
    finally:
        again.stop()


def test_nothing_that_is_stored_is_a_secret() -> None:
    store = DictStore()
    people = book(store)
    _, token = signed(people)
    _, given = people.put("bob", "viewer", "test")
    kept = repr(store.hashes) + repr(store.records)
    for secret in (PASSWORD, given, token, token.partition(".")[2]):
        assert secret not in kept
    other = People(store, b"x" * 32, hasher=cheap_hasher())
    other.refresh()
    other._sessions = other._read(SESSIONS, type(people.sessions()[0]))
    assert other.whois(token) is None, "without the server's secret a copy of the store is useless"


@pytest.mark.parametrize("asks", [False, True])
def test_sessions_end_when_idle_and_in_any_case(asks: bool) -> None:
    store, clock = DictStore(), Clock()
    people = book(store, clock)
    _, token = signed(people)
    began = clock.now
    while clock.now - began < limits.SESSION_S_MAX:
        clock.now += limits.SESSION_IDLE_S - 1
        if not asks:
            clock.now += 2
        if people.whois(token) is None:
            break
        people.sweep()
    lasted = clock.now - began
    assert (lasted > limits.SESSION_S_MAX) if asks else (lasted <= limits.SESSION_IDLE_S + 1)
    people.sweep()
    assert not store.hash_all(SESSIONS) and not people.sessions()


def test_when_a_session_was_seen_is_stored_now_and_then() -> None:
    store, clock = DictStore(), Clock()
    people = book(store, clock)
    begun, token = signed(people)
    clock.now += limits.SESSION_NOTE_S + 1
    people.whois(token)
    people.sweep()
    kept = msgspec.json.decode(store.hash_all(SESSIONS)[begun.session.id])
    assert kept["seen_us"] == int(clock.now * 1e6)


def test_a_user_has_a_bounded_number_of_sessions() -> None:
    people = book()
    _, oldest = signed(people)
    for _ in range(limits.SESSIONS_OF_USER_MAX):
        people._clock.now += 1
        _, latest = people.sign_in("ada", PASSWORD, "here", "")
    assert len(people.sessions("ada")) == limits.SESSIONS_OF_USER_MAX
    assert people.whois(oldest) is None and people.whois(latest)


def test_a_session_is_ended_by_its_user_or_by_anybody_who_may_see_all() -> None:
    people = book()
    begun, token = signed(people)
    assert code_of(people.end(begun.session.id, "user:bob", "bob")) == "unknown_session"
    assert people.whois(token)
    people.end(begun.session.id, "user:ada", "ada")
    assert people.whois(token) is None


# Users.


def test_roles_are_a_ladder_and_count_at_once() -> None:
    for low, high in pairwise(ROLES):
        assert GRANTS[low] < GRANTS[high]
    people = book()
    signed(people, "root")
    _, token = signed(people, "bob", "viewer")
    people.put("bob", "operator", "user:root")
    assert people.whois(token).user.grants == GRANTS["operator"]


def test_a_change_beside_the_server_counts_after_a_refresh() -> None:
    store, clock = DictStore(), Clock()
    server, console = book(store, clock), book(store, clock)
    signed(server, "root")
    _, token = signed(server, "bob", "operator")
    console.put("bob", "viewer", "dibs")
    server.refresh()
    assert server.whois(token).user.role == "viewer"
    console.remove("bob", "dibs")
    server.refresh()
    assert server.whois(token) is None
    console.put("bob", "viewer", "dibs")
    server.refresh()
    assert server.whois(token) is None, "another of the same name is somebody else"


def test_a_temporary_password_opens_nothing_and_is_over_after_a_while() -> None:
    people = book()
    _, given = people.put("bob", "admin", "test")
    begun, token = people.sign_in("bob", given, "here", "")
    assert begun.user.grants == frozenset()
    assert code_of(people.change_password(begun, given, given)) == "weak_password"
    assert code_of(people.change_password(begun, "wrong", PASSWORD)) == "sign_in_failed"
    people._clock.now += limits.TEMPORARY_PASSWORD_S + 1
    assert code_of(people.sign_in("bob", given, "here", "")) == "sign_in_failed"
    _, given = people.reset("bob", "test")
    begun, token = people.sign_in("bob", given, "here", "")
    begun, token = people.change_password(begun, given, PASSWORD)
    assert people.whois(token).user.grants == GRANTS["admin"]


def test_another_password_ends_all_other_sessions() -> None:
    people = book()
    begun, here = signed(people)
    people._clock.now += 1
    _, there = people.sign_in("ada", PASSWORD, "there", "")
    people._clock.now += 1
    _, fresh = people.change_password(begun, PASSWORD, PASSWORD + " again")
    assert people.whois(here) is None and people.whois(there) is None and people.whois(fresh)
    people._clock.now += 1
    people.reset("ada", "test")
    assert people.whois(fresh) is None


def test_the_last_admin_stays() -> None:
    people = book()
    signed(people)
    signed(people, "bob", "planner")
    assert code_of(people.remove("ada", "test")) == "last_admin"
    assert code_of(people.put("ada", "viewer", "test")) == "last_admin"
    people.put("bob", "admin", "test")
    assert people.remove("ada", "test").user == "ada"
    assert code_of(people.remove("ada", "test")) == "unknown_user"
    assert code_of(people.reset("ada", "test")) == "unknown_user"


def test_a_full_table_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "USERS_MAX", 1)
    people = book()
    signed(people)
    assert code_of(people.put("bob", "viewer", "test")) == "table_full"


def test_each_change_is_recorded_with_who_what_before_and_after() -> None:
    people = book()
    signed(people, "root")
    people.put("bob", "viewer", "user:root")
    people.put("bob", "operator", "user:root")
    people.put("bob", "operator", "user:root")
    people.remove("bob", "user:root")
    told = [(d.by, d.what, d.of, d.before, d.after) for _, d in people.history("", 3)]
    assert told == [
        ("user:root", "user.remove", "bob", {"role": "operator"}, {}),
        ("user:root", "user.role", "bob", {"role": "viewer"}, {"role": "operator"}),
        ("user:root", "user.add", "bob", {}, {"role": "viewer"}),
    ]
    place = people.history("", 3)[-1][0]
    assert people.history(place, 1)[0][1].what == "session.begin"


def test_a_damaged_record_opens_nothing_and_hides_no_other() -> None:
    store = DictStore()
    signed(book(store))
    store.hash_put(USERS, "eve", b"{")
    assert [user.user for user in book(store).users()] == ["ada"]


# The first admin.


def test_the_code_makes_one_admin_and_is_gone(tmp_path: Path) -> None:
    people, path = book(), tmp_path / first.FILE
    door = first.offer(people, path, local=True)
    code = path.read_text().strip()
    assert door.open and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert code_of(door.make("wrong", "ada", PASSWORD, "here", "")) == "wrong_code"
    assert code_of(door.make(code, "ada", "short", "here", "")) == "weak_password"
    begun, token = door.make(f" {code}\n", "ada", PASSWORD, "here", "")
    assert begun.user.role == "admin" and people.whois(token)
    assert not door.open and not path.exists()
    assert code_of(door.make(code, "bob", PASSWORD, "here", "")) == "first_admin_closed"
    assert not first.offer(people, path, local=True).open and not path.exists()


def test_the_code_cannot_be_guessed_quickly(tmp_path: Path) -> None:
    door = first.offer(book(), tmp_path / first.FILE, local=True)
    codes = [code_of(door.make("x", "ada", PASSWORD, "here", "")) for _ in range(6)]
    assert codes == ["wrong_code"] * limits.SIGN_IN_TRIES + ["too_many_attempts"]


def test_there_is_no_code_where_others_can_call(tmp_path: Path) -> None:
    door = first.offer(book(), tmp_path / first.FILE, local=False)
    assert not door.open and not list(tmp_path.iterdir())
    assert code_of(door.make("", "ada", PASSWORD, "here", "")) == "first_admin_closed"


def test_a_record_reads_as_json() -> None:
    store = DictStore()
    signed(book(store))
    assert json.loads(store.records[0][1])["what"] == "user.add"
