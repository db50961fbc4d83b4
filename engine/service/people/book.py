"""`People`: users and sessions, kept in the log's server beside the API keys.

    dibs:{p0}:users     name → user, with the hash of the password
    dibs:{p0}:sessions  id → session, with an HMAC of its token
    dibs:{p0}:access    a stream of what was done to users, sessions and keys (`records.Done`)

Each change and its record are one transaction there. One process serves sessions, the writer's
(fronts hand them on to it), so sessions are read when it starts and then held in memory; users are
read again every `limits.KEY_REFRESH_S` seconds, because `dibs user` changes them beside it. All
but `whois` talk to the store, raise what it raises, and may hash: `run` lets a thread do that,
one at a time, so that neither the event loop nor more than one core works on it.
"""

import asyncio
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import structlog

from engine.core import actors, limits
from engine.core.errors import OverloadedError
from engine.log.store import Keys
from engine.service.keys import BY_DIBS, Done, KeyStore
from engine.service.people import passwords
from engine.service.people.attempts import Attempts
from engine.service.people.passwords import Hasher
from engine.service.people.records import Refusal, Session, Signed, User

log = structlog.get_logger("people")

USERS, SESSIONS = Keys().users, Keys().sessions
_ID_BYTES, _SECRET_BYTES = 6, 32
_TOKEN_CHARS_MAX = 128
_US = 1_000_000
_encode = msgspec.json.Encoder().encode
_WRONG = Refusal("sign_in_failed", "this name and password do not belong together")
_LAST_ADMIN = Refusal("last_admin", "this is the last admin: make another one first")


class People:
    """All users and sessions. `start` begins the refreshing, `stop` ends it."""

    def __init__(
        self,
        store: KeyStore,
        secret: bytes,
        *,
        hasher: Hasher | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._secret = store, secret
        self._hasher = hasher or Hasher()
        self._clock = clock
        self._users: dict[str, User] = {}
        self._sessions: dict[str, Session] = {}
        self._written_us: dict[str, int] = {}  # of each session, the `seen_us` that is stored
        self._attempts = Attempts()
        self._lock = threading.RLock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="people")
        self._asked = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    # Life.

    def start(self) -> None:
        """Read users and sessions, then go on reading users and writing who was seen when."""
        self.refresh()
        self._sessions = self._read(SESSIONS, Session)
        self._written_us = {one.id: one.seen_us for one in self._sessions.values()}
        self._thread = threading.Thread(target=self._run, name="people", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the refreshing and wait for its thread."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        self._worker.shutdown()

    def _run(self) -> None:
        while not self._stop.wait(limits.KEY_REFRESH_S):
            try:
                self.refresh()
                self.sweep()
            except Exception as error:  # the store is away: what is known holds
                log.warning("people not refreshed", error=type(error).__name__)

    def refresh(self) -> None:
        """Read all users from the store."""
        with self._lock:
            self._users = self._read(USERS, User)

    def _read(self, name: str, kind: type) -> dict[str, Any]:
        found = {}
        for field, data in self._store.hash_all(name).items():
            try:
                found[field] = msgspec.json.decode(data, type=kind)
            except msgspec.DecodeError as error:
                log.error("a record is damaged", of=kind.__name__, id=field, error=str(error))
        return found

    def sweep(self) -> None:
        """Forget sessions that are over, and store when the others were seen last."""
        with self._lock:
            for session in list(self._sessions.values()):
                if self._signed(session) is None:
                    self._forget(session, "session.over", BY_DIBS)
                elif session.seen_us - self._written_us[session.id] >= _NOTE_US:
                    self._store.hash_put(SESSIONS, session.id, _encode(session))
                    self._written_us[session.id] = session.seen_us

    async def run(self, what: Callable[..., Any], *values: Any) -> Any:
        """Call one of these functions in the thread that may wait; `OverloadedError` if too many
        wait for it already."""
        if self._asked >= limits.PASSWORD_HASHES_WAITING_MAX:
            raise OverloadedError("too many people ask at once; try again")
        self._asked += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._worker, what, *values)
        finally:
            self._asked -= 1

    def _now_us(self) -> int:
        return int(self._clock() * _US)

    # Who is it?

    def whois(self, token: str) -> Signed | None:
        """Return who has this session's token, None if it is wrong or the session over. Never
        waits; some microseconds."""
        session = self._sessions.get(token.partition(".")[0])
        if session is None or len(token) > _TOKEN_CHARS_MAX or not token.isascii():
            return None
        if not hmac.compare_digest(session.digest, self._digest(token)):
            return None
        found = self._signed(session)
        if found is not None:
            session.seen_us = self._now_us()
        return found

    def _signed(self, session: Session) -> Signed | None:
        user, now_us = self._users.get(session.user), self._now_us()
        if user is None or user.id != session.user_id or session.began_us < user.sessions_from_us:
            return None
        if now_us - session.seen_us > _IDLE_US or now_us - session.began_us > _LONGEST_US:
            return None
        return Signed(user, session)

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._secret, b"session:" + token.encode(), "sha256")

    @property
    def nobody(self) -> bool:
        """Whether there is no user at all."""
        return not self._users

    # Sessions.

    def sign_in(
        self, user: str, password: str, address: str, agent: str
    ) -> tuple[Signed, str] | Refusal:
        """Begin a session; returns it and its token, which cannot be shown again."""
        user = user.strip().lower()
        if refusal := self.attempt(user, address):
            return refusal
        found = self._users.get(user)
        good = self._hasher.fits(found.password if found else None, password)
        stale = found and 0 < found.temporary_until_us < self._now_us()
        if not good or stale:
            # What was typed as a name may be a password: only known names are logged.
            log.warning("sign-in refused", user=found and found.user, address=address)
            return _WRONG
        self._attempts.good(user, address)
        return self.begin(found, address, agent)

    def attempt(self, user: str, address: str) -> Refusal | None:
        """Count a try to be somebody; refused when there have been too many."""
        wait_s = self._attempts.wait_s(user, address, time.monotonic())
        if not wait_s:
            return None
        return Refusal("too_many_attempts", f"try again in {wait_s} s", retry_after_s=wait_s)

    def begin(self, user: User, address: str, agent: str) -> tuple[Signed, str]:
        """Begin a session of somebody whose password was right."""
        with self._lock:
            of_user = [s for s in self._sessions.values() if s.user == user.user]
            if len(of_user) >= limits.SESSIONS_OF_USER_MAX:
                oldest = min(of_user, key=lambda session: session.seen_us)
                self._forget(oldest, "session.end", BY_DIBS)
            name, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
            token, now_us = f"{name}.{secret}", self._now_us()
            session = Session(
                id=name,
                user=user.user,
                user_id=user.id,
                digest=self._digest(token),
                began_us=now_us,
                seen_us=now_us,
                agent=agent[: limits.TEXT_CHARS_MAX],
                address=address,
            )
            signed = Signed(user, session)
            done = self._done(signed.actor, "session.begin", user.user, {}, {"session": name})
            self._store.change(SESSIONS, name, _encode(session), done)
            self._sessions[name], self._written_us[name] = session, now_us
        return signed, token

    def sessions(self, user: str | None = None) -> list[Session]:
        """Return the sessions that last, of one user or of all, the latest seen first."""
        with self._lock:
            live = [s for s in self._sessions.values() if self._signed(s) is not None]
        found = [s for s in live if user is None or s.user == user]
        return sorted(found, key=lambda session: (-session.seen_us, session.id))

    def end(self, session_id: str, by: str, user: str | None = None) -> Session | Refusal:
        """End a session, of `user` only if one is given."""
        with self._lock:
            session = self._sessions.get(session_id)
            if session is None or user not in (None, session.user):
                return Refusal("unknown_session", "there is no such session", "session")
            self._forget(session, "session.end", by)
            return session

    def _forget(self, session: Session, what: str, by: str) -> None:
        done = self._done(by, what, session.user, {"session": session.id}, {})
        self._store.change(SESSIONS, session.id, None, done)
        self._sessions.pop(session.id, None)
        self._written_us.pop(session.id, None)

    def history(self, before: str, count: int) -> list[tuple[str, Done]]:
        """Return what was done to users, sessions and keys before a position ("": now), the latest
        first, each with its position."""
        rows = self._store.done(before, count)
        return [(place, msgspec.json.decode(data, type=Done)) for place, data in rows]

    def _end_all(self, user: str, by: str) -> None:
        for session in [one for one in self._sessions.values() if one.user == user]:
            self._forget(session, "session.end", by)

    # Users.

    def users(self) -> list[User]:
        """Return all users by name."""
        return sorted(self._users.values(), key=lambda user: user.user)

    def find(self, user: str) -> User | Refusal:
        """Return one user."""
        return self._users.get(user) or Refusal("unknown_user", "there is no such user", "user")

    def put(self, user: str, role: str, by: str) -> tuple[User, str] | Refusal:
        """Give a user a role; a new one gets a temporary password, which is returned once (""
        for one that is there)."""
        with self._lock:
            self.refresh()
            found = self._users.get(user)
            if found is None:
                return self._add(user, role, by, passwords.temporary(), temporary=True)
            if found.role == role:
                return found, ""
            if self._last_admin(found):
                return _LAST_ADMIN
            put = msgspec.structs.replace(found, role=role)
            self._put(put, by, "user.role", {"role": found.role}, {"role": role})
            return put, ""

    def first(self, user: str, password: str) -> User | Refusal:
        """Make the first user, an admin; refused as soon as there is somebody."""
        if refusal := passwords.fault(password, user, "password"):
            return refusal
        with self._lock:
            self.refresh()
            if self._users:
                return Refusal("first_admin_closed", "there is a user already: sign in")
            made = self._add(user, "admin", actors.of_user(user), password, temporary=False)
        return made if isinstance(made, Refusal) else made[0]

    def _add(
        self, user: str, role: str, by: str, password: str, *, temporary: bool
    ) -> tuple[User, str] | Refusal:
        if len(self._users) >= limits.USERS_MAX:
            return Refusal("table_full", f"there are {limits.USERS_MAX} users; remove one", "user")
        now_us = self._now_us()
        made = User(
            id=secrets.token_hex(_ID_BYTES),
            user=user,
            role=role,
            created_us=now_us,
            password=self._hasher.hash(password),
            password_us=now_us,
            temporary_until_us=now_us + _TEMPORARY_US if temporary else 0,
        )
        self._put(made, by, "user.add", {}, {"role": role})
        return made, password

    def remove(self, user: str, by: str) -> User | Refusal:
        """Remove a user; all sessions of it are over."""
        with self._lock:
            self.refresh()
            found = self.find(user)
            if isinstance(found, Refusal):
                return found
            if self._last_admin(found):
                return _LAST_ADMIN
            done = self._done(by, "user.remove", user, {"role": found.role}, {})
            self._store.change(USERS, user, None, done)
            self._users = {name: one for name, one in self._users.items() if name != user}
            self._end_all(user, by)
        return found

    def reset(self, user: str, by: str) -> tuple[User, str] | Refusal:
        """Give a user a new temporary password and end all sessions of it."""
        with self._lock:
            self.refresh()
            found = self.find(user)
            if isinstance(found, Refusal):
                return found
            password, until_us = passwords.temporary(), self._now_us() + _TEMPORARY_US
            made = self._with_password(found, password, until_us)
            self._put(made, by, "user.reset", {}, {})
            self._end_all(user, by)
        return made, password

    def change_password(self, signed: Signed, old: str, new: str) -> tuple[Signed, str] | Refusal:
        """Replace somebody's own password. All sessions end; a new one begins and is returned with
        its token."""
        name, address = signed.user.user, signed.session.address
        if refusal := self.attempt(name, address):
            return refusal
        if not self._hasher.fits(signed.user.password, old):
            return Refusal("sign_in_failed", "this is not the password until now", "password")
        self._attempts.good(name, address)
        if refusal := passwords.fault(new, name, "new_password"):
            return refusal
        if new == old:
            return Refusal("weak_password", "use another one than until now", "new_password")
        with self._lock:
            self.refresh()
            found = self._users.get(name)
            if found != signed.user:
                return _WRONG
            made = self._with_password(found, new, 0)
            self._put(made, signed.actor, "user.password", {}, {})
            self._end_all(name, signed.actor)
            return self.begin(made, address, signed.session.agent)

    def _with_password(self, user: User, password: str, until_us: int) -> User:
        now_us = self._now_us()
        return msgspec.structs.replace(
            user,
            password=self._hasher.hash(password),
            password_us=now_us,
            temporary_until_us=until_us,
            sessions_from_us=now_us,
        )

    def _last_admin(self, user: User) -> bool:
        admins = [one.user for one in self._users.values() if one.role == "admin"]
        return admins == [user.user]

    def _put(self, user: User, by: str, what: str, before: dict, after: dict) -> None:
        done = self._done(by, what, user.user, before, after)
        self._store.change(USERS, user.user, _encode(user), done)
        self._users = self._users | {user.user: user}

    def _done(self, by: str, what: str, of: str, before: dict, after: dict) -> bytes:
        return _encode(
            Done(at_us=self._now_us(), by=by, what=what, of=of, before=before, after=after)
        )


_NOTE_US = int(limits.SESSION_NOTE_S * _US)
_IDLE_US = int(limits.SESSION_IDLE_S * _US)
_LONGEST_US = int(limits.SESSION_S_MAX * _US)
_TEMPORARY_US = int(limits.TEMPORARY_PASSWORD_S * _US)
