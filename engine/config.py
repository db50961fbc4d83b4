"""Settings: typed, read once from options and `DIBS_…` variables, immutable, refused if unsafe."""

import ipaddress
import os
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from engine.core import limits
from engine.core.errors import ConfigError
from engine.cores import usable_cores

PORT_DEFAULT = 8787
LEDGERS = ("auto", "fast", "slow")
AWAKE = ("auto", "on", "off")
LANES = ("auto", "fast", "slow")


def _log_memory() -> int:
    text = os.environ.get("DIBS_LOG_MEMORY_MIB", "")
    if not text:
        return limits.SERVER_MEMORY_BYTES >> 20
    if not text.isdigit() or int(text) < limits.SERVER_MEMORY_MIB_MIN:
        raise ConfigError(
            f"DIBS_LOG_MEMORY_MIB is {text!r}; use {limits.SERVER_MEMORY_MIB_MIN} or more"
        )
    return int(text)


def _database() -> str | None:
    return os.environ.get("DIBS_DATABASE") or None


def _awake() -> str:
    return os.environ.get("DIBS_AWAKE", "auto")


def _loopback() -> bool:
    text = os.environ.get("DIBS_WEBHOOK_LOOPBACK", "")
    if text not in ("", "0", "1"):
        raise ConfigError(f"DIBS_WEBHOOK_LOOPBACK is {text!r}; use 1, or leave it out")
    return text == "1"


class Settings(msgspec.Struct, frozen=True):
    """Where data lies, where the log's server is, where to listen, which ledger twin to use,
    whether hot calls take the fast lane, and how many HTTP processes stand in front of the writer's
    (0: it serves HTTP itself).

    `redis` is None for the bundled server; its files lie in `data/server`, and it refuses appends
    beyond `log_memory_mib` (`DIBS_LOG_MEMORY_MIB`) until the worker has trimmed the log. `awake`
    (`DIBS_AWAKE`) says whether the writer may keep its core awake while many orders wait for the
    log; `auto`: where each process of dibs has a core. `database` (`DIBS_DATABASE`) is where views
    are kept: None for SQLite files in the data folder, or a postgresql:// address.
    `webhook_loopback` (`DIBS_WEBHOOK_LOOPBACK`) lets webhooks call services on this machine.
    """

    data: Path
    redis: str | None = None
    host: str = "127.0.0.1"
    port: int = PORT_DEFAULT
    ledger: str = "auto"
    lane: str = "auto"
    fronts: int = 0
    log_memory_mib: int = msgspec.field(default_factory=_log_memory)
    awake: str = msgspec.field(default_factory=_awake)
    database: str | None = msgspec.field(default_factory=_database)
    webhook_loopback: bool = msgspec.field(default_factory=_loopback)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ConfigError(f"port {self.port} is not a port; use 1 to 65535, or 0 for any")
        if self.ledger not in LEDGERS:
            raise ConfigError(f"ledger {self.ledger!r} is not one of {', '.join(LEDGERS)}")
        if self.lane not in LANES:
            raise ConfigError(f"lane {self.lane!r} is not one of {', '.join(LANES)}")
        if self.awake not in AWAKE:
            raise ConfigError(f"DIBS_AWAKE is {self.awake!r}; use one of {', '.join(AWAKE)}")
        if not 0 <= self.fronts <= limits.FRONTS_MAX:
            raise ConfigError(f"fronts is {self.fronts}; use 0 to {limits.FRONTS_MAX}")
        if self.redis and urlsplit(self.redis).scheme not in ("redis", "rediss", "unix"):
            raise ConfigError(f"{self.redis!r} is no redis://, rediss:// or unix:// address")
        if self.database and urlsplit(self.database).scheme not in ("postgresql", "postgres"):
            raise ConfigError("--database is no postgresql:// address; without it views are SQLite")
        try:
            ipaddress.ip_address(self.host)
        except ValueError as error:
            raise ConfigError(f"host {self.host!r} is not an IP address to listen on") from error

    @property
    def local(self) -> bool:
        """Whether only this machine can reach what is served."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def stays_awake(self) -> bool:
        """Whether the writer may keep its core awake."""
        needed = self.fronts + 2  # the writer's process and the log server
        return self.awake == "on" or (self.awake == "auto" and usable_cores() >= needed)

    def prepare(self) -> None:
        """Make the data folder, readable by its owner only."""
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot make data folder {self.data}: {error}") from error


def ledger_class(choice: str):
    """Return the ledger's class: the compiled one, or with `slow` the plain one.

    `auto` takes the compiled one where it is built.
    """
    if choice != "slow":
        try:
            from ext.ledger import Ledger

            return Ledger
        except ImportError as error:
            if choice == "fast":
                raise ConfigError(
                    f"the compiled ledger is not built ({error}); run `make build`, or use "
                    "--ledger slow"
                ) from error
    from engine.core.ledger import Ledger as SlowLedger

    return SlowLedger
