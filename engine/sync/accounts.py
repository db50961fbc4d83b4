"""Accounts: one file each in `DATA/accounts`, readable by its owner only, because it has secrets.

A file, and not the log: the log is kept for ever, is archived and copied, and secrets change.
"""

import contextlib
import re
from pathlib import Path

import msgspec
import structlog

from engine.connectors import registry
from engine.connectors.base import Account
from engine.core import limits
from engine.core.errors import ConfigError
from engine.log.files import write_whole

log = structlog.get_logger("accounts")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def sweep_every_s(account: Account) -> float:
    """Return the seconds from one look at what changed to the next: the option `sweep_s`, which a
    channel that pushes nothing needs to be short. Raises `ConfigError` for what is none."""
    return _seconds(account, "sweep_s", limits.SWEEP_S, limits.SWEEP_S_MIN, limits.SWEEP_S_MAX)


def audit_every_s(account: Account) -> float:
    """Return the seconds in which every listing is read back once: the option `audit_s`. Raises
    `ConfigError` for what is none."""
    return _seconds(account, "audit_s", limits.AUDIT_S, limits.AUDIT_S_MIN, limits.AUDIT_S_MAX)


def _seconds(account: Account, option: str, usual: float, least: float, most: float) -> float:
    text = account.options.get(option, str(usual))
    try:
        found_s = float(text)
    except ValueError:
        found_s = 0.0
    if not least <= found_s <= most:
        raise ConfigError(f"option {option}={text}: use seconds, {least} to {most:.0f}")
    return found_s


class Accounts:
    """The accounts of a data folder."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "accounts"

    def all(self) -> list[Account]:
        """Return every account, by name. Raises `ConfigError` for a file that is none."""
        return [self._read(path) for path in sorted(self.folder.glob("*.json"))]

    def find(self, name: str) -> Account:
        """Return one account; `ConfigError` says which there are."""
        path = self.folder / f"{name}.json"
        if not _NAME.fullmatch(name) or not path.is_file():
            known = ", ".join(p.stem for p in sorted(self.folder.glob("*.json"))) or "none yet"
            raise ConfigError(f"no account {name!r}; there are: {known}")
        return self._read(path)

    def put(self, account: Account) -> Path:
        """Write an account, all of it or nothing of it."""
        if not _NAME.fullmatch(account.name):
            raise ConfigError(f"account {account.name!r}: use a-z, 0-9 and -, at most 40 of them")
        if account.connector not in registry.names():
            known = ", ".join(registry.names())
            raise ConfigError(f"no connector {account.connector!r}; there are: {known}")
        sweep_every_s(account)
        audit_every_s(account)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{account.name}.json"
        self.renewed(account.name).forget()  # it was connected anew
        _write(path, msgspec.json.format(msgspec.json.encode(account)))
        return path

    def remove(self, name: str) -> None:
        """Forget an account and its secrets."""
        self.find(name)
        self.renewed(name).forget()
        with contextlib.suppress(FileNotFoundError):
            (self.folder / f"{name}.json").unlink()

    def renewed(self, name: str) -> "Renewed":
        """Return the secrets of an account that its channel has replaced since."""
        return Renewed(self.folder / f"{name}.renewed")

    def _read(self, path: Path) -> Account:
        try:
            found = msgspec.json.decode(path.read_bytes(), type=Account)
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(f"{path} is no account: {error}") from error
        if found.name != path.stem:
            raise ConfigError(f"{path} is named otherwise than the account in it, {found.name!r}")
        return found


class Renewed:
    """Secrets that a channel replaced after the account was connected, in a file beside the
    account's: a token that may be used once only must outlive the process that used it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, name: str, given: str) -> str:
        """Return the newest value of a secret: `given`, if it was never replaced. Raises
        `ConfigError` for a file that cannot be read."""
        return self._all().get(name, given)

    def put(self, name: str, value: str) -> None:
        """Keep a new value, durably."""
        _write(self._path, msgspec.json.encode(self._all() | {name: value}))

    def forget(self) -> None:
        """Forget all of them."""
        self._path.unlink(missing_ok=True)

    def _all(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(f"{self._path} holds no secrets: {error}; connect anew") from error


def _write(path: Path, document: bytes) -> None:
    """Write a file that only its owner can read."""
    write_whole(path, [document], mode=0o600)


class Watch:
    """Follows the accounts of a data folder. A file is read again only when it was replaced, which
    `Accounts.put` does, so looking often costs little."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._read: dict[str, tuple[tuple[int, int, int], Account | None]] = {}

    def look(self) -> dict[str, Account]:
        """Return every account by name, as of now. A file that is none is left out, and said so
        once: the other accounts are not to suffer from it."""
        read = {}
        for path in sorted(self._accounts.folder.glob("*.json")):
            try:
                now = path.stat()
            except FileNotFoundError:
                continue
            mark = (now.st_ino, now.st_mtime_ns, now.st_size)
            before = self._read.get(path.stem)
            read[path.stem] = before if before and before[0] == mark else (mark, self._try(path))
        self._read = read
        return {name: account for name, (_, account) in read.items() if account is not None}

    def _try(self, path: Path) -> Account | None:
        try:
            return self._accounts.find(path.stem)
        except ConfigError as error:
            log.error("an account is left out", file=path.name, problem=str(error))
            return None
