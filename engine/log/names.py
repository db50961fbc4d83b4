"""Names of keys on the log's server."""

import msgspec


class Keys(msgspec.Struct, frozen=True):
    """Names of a partition's keys. The hash tag keeps them on one node of a cluster."""

    partition: int = 0

    @property
    def log(self) -> str:
        """The stream of frames and fences."""
        return f"dibs:{{p{self.partition}}}:log"

    @property
    def stock(self) -> str:
        """The public stream of stock changes."""
        return f"dibs:{{p{self.partition}}}:stock"

    @property
    def cursors(self) -> str:
        """The hash of consumers: name to the last log position that is done."""
        return f"dibs:{{p{self.partition}}}:cursors"

    @property
    def keys(self) -> str:
        """The hash of API keys."""
        return f"dibs:{{p{self.partition}}}:keys"

    @property
    def sync(self) -> str:
        """What the keys of `engine.sync` begin with."""
        return f"dibs:{{p{self.partition}}}:sync:"

    @property
    def users(self) -> str:
        """The hash of users."""
        return f"dibs:{{p{self.partition}}}:users"

    @property
    def sessions(self) -> str:
        """The hash of users' sessions."""
        return f"dibs:{{p{self.partition}}}:sessions"

    @property
    def access(self) -> str:
        """The stream of what was done to users, sessions and keys."""
        return f"dibs:{{p{self.partition}}}:access"
