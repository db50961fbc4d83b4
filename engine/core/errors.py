"""Exceptions: bugs and a broken world. A refusal of a command is a value, see `outcomes`.

    DibsError
    ├── ConfigError          a setting is unsafe or missing; start-up stops
    ├── LedgerError          an event cannot be applied: a bug, or a log that is not ours
    ├── LogError
    │   ├── CorruptLogError  a frame fails its checksum, chain, epoch or sequence
    │   ├── FencedError      a writer with a higher epoch exists; this one must stop
    │   ├── AppendError      an append was refused before anything was stored
    │   └── DoubtError       an append may or may not be stored; read the log back
    ├── ViewsError           the read models' database fails; the log goes on without it
    └── ServiceError
        ├── OverloadedError      a queue is full; the request was not looked at
        ├── UnavailableError     no writer leads now; the request was not looked at
        ├── OutcomeUnknownError  decided, but maybe not durable; retry with the same id
        └── GapError             a stream cannot be resumed from there

Every message says what to do next.
"""

# What a caller is told whose request was decided, but maybe not kept.
OUTCOME_UNKNOWN = (
    "it is not known whether this took effect: retry with the same id or "
    "Idempotency-Key, and you get the first answer or the effect, never both"
)


class DibsError(Exception):
    """Base of all errors raised by dibs."""


class ConfigError(DibsError):
    """A setting is unsafe, contradictory or missing."""


class LedgerError(DibsError):
    """An event does not fit the state it is applied to."""


class LogError(DibsError):
    """The durable log could not be written or read as promised."""


class CorruptLogError(LogError):
    """A frame is damaged or out of order. `seq` is the first sequence that cannot be trusted."""

    def __init__(self, message: str, *, seq: int = 0, entry_id: str = "") -> None:
        super().__init__(message)
        self.seq = seq
        self.entry_id = entry_id


class FencedError(LogError):
    """A newer writer has opened a higher epoch: this process may not write again."""


class AppendError(LogError):
    """The server refused the append and stored nothing."""


class DoubtError(LogError):
    """The append was sent and no answer came: it may be stored."""


class ViewsError(DibsError):
    """The database of the read models cannot be written or read. The log is not touched by it."""


class ServiceError(DibsError):
    """The engine cannot take or answer a request now. Nothing is said about its effect unless
    the subclass says so; `retry_after_s` is when to try again."""

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class OverloadedError(ServiceError):
    """A queue is full. The request was not looked at."""


class UnavailableError(ServiceError):
    """No writer leads at the moment. The request was not looked at."""


class OutcomeUnknownError(ServiceError):
    """The request was decided but its durability is in doubt: retry with the same id or key."""


class GapError(ServiceError):
    """The position to resume from is older than what is kept. Read a snapshot and go on from
    `oldest`."""

    def __init__(self, message: str, *, oldest: str) -> None:
        super().__init__(message)
        self.oldest = oldest
