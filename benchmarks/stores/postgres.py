"""The peer: PostgreSQL, `synchronous_commit=on`, four ways to take stock (`postgres.sql`).

Driven by pgbench over a Unix socket: prepared statements, 16 clients. Each order, and in the last
variant each batch of 500, is one call and one commit.
"""

import math
import re
import subprocess
from pathlib import Path

from benchmarks.stores.contest import BATCH, SKUS, UNITS, Broken, Store
from benchmarks.stores.servers import Postgres

CLIENTS = 16
SCHEMA = Path(__file__).with_name("postgres.sql")
# Rows of `units` for each second: more than this machine's disk lets go in one.
_ROWS_PER_S = 40_000
_SINGLE = r"""
\set n :n + 1
\set id :first + :client_id * 1000000000 + :n
\set x random(0, :skus - 1)
\set y (:x + random(1, :skus - 1)) % :skus
SELECT take_{how}(:id, :x, :y);
"""
_MANY = rf"""
\set n :n + {BATCH}
\set id :first + :client_id * 1000000000 + :n
SELECT take_drawn(:id, {BATCH}, :skus);
"""
VARIANTS = {
    "update": "PostgreSQL, conditional UPDATE",
    "lock": "PostgreSQL, SELECT FOR UPDATE",
    "rows": "PostgreSQL, SKIP LOCKED rows",
    "many": "PostgreSQL, batch function",
}


class PostgresVariant(Store):
    """Fresh tables for one variant (a key of `VARIANTS`) on a server that others use too."""

    def __init__(self, folder: Path, server: Postgres, how: str) -> None:
        super().__init__(folder)
        self.name, self._server, self._how, self._rows = VARIANTS[how], server, how, 0
        server.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public;")
        server.sql(SCHEMA.read_text())
        server.sql(f"INSERT INTO stock SELECT n, {UNITS} FROM generate_series(0, {SKUS - 1}) n;")

    def run(self, skus: int, seed: int, seconds: float) -> float:
        """Let pgbench call for `seconds`, rounded up to whole ones; return orders a second."""
        whole_s = math.ceil(seconds)
        if self._how == "rows":
            each = 2 * _ROWS_PER_S * whole_s // skus
            rows = f"generate_series(0, {skus - 1}) s, generate_series(1, {each}) n"
            self._server.sql(f"INSERT INTO units SELECT s, n FROM {rows};")
            self._rows = each * skus
        self._server.sql("VACUUM ANALYZE;")
        self._server.sql("CHECKPOINT;")
        script = _MANY if self._how == "many" else _SINGLE.format(how=self._how)
        said = self._pgbench(script, skus, seed, whole_s)
        calls = int(re.search(r"actually processed: (\d+)", said).group(1))
        per_s = float(re.search(r"tps = ([\d.]+)", said).group(1))
        each_call = BATCH if self._how == "many" else 1
        self.sent = calls * each_call
        return per_s * each_call

    def _pgbench(self, script: str, skus: int, seed: int, whole_s: int) -> str:
        command = [self._server.programs / "pgbench", "-h", self._server.folder, "-U", "postgres"]
        options = ["-n", "-M", "prepared", "-c", CLIENTS, "-j", 1, "-T", whole_s, "-f", "-"]
        values = ["-D", "n=0", "-D", "first=1", "-D", f"skus={skus}", "--random-seed", seed]
        words = [str(word) for word in (*command, *options, *values, "postgres")]
        run = subprocess.run(words, input=script, text=True, capture_output=True)
        if run.returncode:
            raise Broken(f"pgbench: {run.stderr.strip()[-300:]}")
        return run.stdout

    def again(self, skus: int, seed: int) -> int:
        """Take some of the orders that are there once more."""
        few = f"(SELECT * FROM orders ORDER BY id LIMIT {BATCH}) few"
        if self._how == "many":
            arrays = "array_agg(id), array_agg(a), array_agg(b)"
            return int(self._server.sql(f"SELECT take_many({arrays}) FROM {few};"))
        return int(self._server.sql(f"SELECT sum(take_{self._how}(id, a, b)) FROM {few};"))

    def taken(self) -> int:
        """Count what is gone; there must be a row for each order."""
        placed = int(self._server.sql("SELECT count(*) FROM orders;"))
        if placed != self.sent:
            raise Broken(f"{self.sent} orders were answered, {placed} are there")
        if self._how == "rows":
            return self._rows - int(self._server.sql("SELECT count(*) FROM units;"))
        return SKUS * UNITS - int(self._server.sql("SELECT sum(units) FROM stock;"))

    def crash(self) -> None:
        """Stop the server without a checkpoint; it recovers from its log."""
        self._server.stop(hard=True)
        self._server.start()
