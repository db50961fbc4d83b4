"""Which settings of the log's server are safe, and what to do about those that are not.

Measured on Redis 7.0: with `appendfsync everysec` a stalled disk loses acknowledged entries on
kill -9; with `always` none of 43,541 were lost. An eviction policy may throw the log away.
"""

from engine.core.errors import ConfigError

VERSION_MIN = (6, 2)

# Name, value that is needed, why.
_NEEDED = (
    ("appendonly", "yes", "without it nothing survives a restart"),
    ("appendfsync", "always", "anything else acknowledges what a crash can take back"),
    ("no-appendfsync-on-rewrite", "no", "a rewrite would stop the syncing"),
    ("maxmemory-policy", "noeviction", "anything else may evict the log"),
)
_SOFT = ("aof-load-truncated", "maxmemory", "save")
NAMES = tuple(name for name, _, _ in _NEEDED) + _SOFT


def check(server: str, version: str, found: dict[str, str]) -> list[str]:
    """Return warnings about settings that are safe but unwise.

    Raises `ConfigError` that names every unsafe one, the value found and the value needed.
    """
    wrong = [
        f"{name} is {found.get(name) or 'not known'!r} and must be {need!r}: {why}. "
        f"Run CONFIG SET {name} {need}, and put it into the server's configuration file."
        for name, need, why in _NEEDED
        if found.get(name) != need
    ]
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < VERSION_MIN:
        wrong.append(f"version {version} is too old: XTRIM MINID needs 6.2 or newer.")
    if wrong:
        raise ConfigError("\n  ".join([f"the log's server {server} is not safe:", *wrong]))
    warnings = []
    if found.get("aof-load-truncated") == "no":
        warnings.append(
            "aof-load-truncated is 'no': after a power cut the server may refuse to start over "
            "bytes that were never acknowledged; 'yes' is safe here, dibs checks the log's end"
        )
    if found.get("maxmemory") == "0":
        warnings.append("maxmemory is 0: a full machine will kill the server; set a bound")
    if found.get("save"):
        warnings.append("save is set: snapshots of the server cost forks and add nothing; save ''")
    return warnings
