"""Where the log's server is: one reading of its URL for every client, and a form safe to show.

redis://[user[:password]@]host[:port][/db]      rediss:// the same over TLS
unix://[user[:password]@]/path/to/socket[?db=N]
"""

from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from engine.core.errors import ConfigError

PORT = 6379


class Address(msgspec.Struct, frozen=True):
    """A server and the user to be there. `path` is a unix socket; without it, host and port."""

    path: str = ""
    host: str = "localhost"
    port: int = PORT
    database: int = 0
    user: str = ""
    password: str = ""
    tls: bool = False

    @property
    def shown(self) -> str:
        """The address without its password, for messages and logs."""
        user = f"{self.user}@" if self.user else ""
        if self.path:
            return f"unix://{user}{self.path}"
        return f"{'rediss' if self.tls else 'redis'}://{user}{self.host}:{self.port}"

    @property
    def login(self) -> tuple[str, ...]:
        """The AUTH command that names this user, or nothing."""
        if self.user:
            return ("AUTH", self.user, self.password)
        return ("AUTH", self.password) if self.password else ()


def parse(url: str) -> Address:
    """Return the address in `url`; `ConfigError` if it is none of the forms above."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORT
        number = parse_qs(parts.query).get("db", [""])[0]
        if parts.scheme in ("redis", "rediss") and not number:
            number = parts.path.strip("/")
        database = int(number or 0)
    except ValueError as error:
        raise ConfigError(f"the log's address cannot be read: {error}") from error
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.scheme == "unix" and parts.path:
        return Address(unquote(parts.path), database=database, user=user, password=password)
    if parts.scheme in ("redis", "rediss") and parts.hostname:
        tls = parts.scheme == "rediss"
        return Address("", unquote(parts.hostname), port, database, user, password, tls)
    raise ConfigError("the log's address must be redis://, rediss:// or unix:///path")
