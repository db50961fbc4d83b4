"""The servers that HTTP peers store on, as `benchmarks.stores.servers` starts them, stocked."""

from collections.abc import Sequence
from pathlib import Path

import redis

from benchmarks.stores import servers

CHUNK = 10_000


class Valkey(servers.Valkey):
    """A Valkey with a hash `stock`. Without `durable` it keeps nothing: for sessions."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        super().__init__(folder)
        self.url, self.pid = f"unix://{self.socket}", self.process.pid
        self.client = redis.Redis.from_url(self.url, decode_responses=True)
        if not durable:
            self.client.config_set("appendonly", "no")

    def stock(self, names: Sequence[str], units: int) -> None:
        """Stock SKUs with `units` each, where the script looks for them."""
        for at in range(0, len(names), CHUNK):
            self.client.hset("stock", mapping=dict.fromkeys(names[at : at + CHUNK], units))

    def left(self) -> list[int]:
        """Return what each SKU has left."""
        return [int(units) for units in self.client.hvals("stock")]

    def stop(self) -> None:
        """End it."""
        self.client.close()
        super().stop()


class Postgres(servers.Postgres):
    """A PostgreSQL for a schema that has a table `stock` (sku, available)."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, servers.postgres_programs())
        self.pid, self.dsn = self.process.pid, f"postgresql://postgres@/postgres?host={folder}"

    def stock(self, names: Sequence[str], units: int) -> None:
        """Stock SKUs with `units` each."""
        rows = "".join(f"{name}\t{units}\n" for name in names)
        self.sql(f"COPY stock FROM STDIN;\n{rows}\\.\n")
        self.sql("VACUUM ANALYZE stock;\nCHECKPOINT;")

    def left(self) -> tuple[int, int]:
        """Return what all SKUs together have left, and the least that one has."""
        total, least = self.sql("SELECT sum(available), min(available) FROM stock").split("|")
        return int(total), int(least)
