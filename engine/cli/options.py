"""What several commands of `dibs` have in common: their options, and their end."""

from pathlib import Path
from typing import Annotated

import typer

from engine.config import PORT_DEFAULT

Data = Annotated[Path, typer.Option(envvar="DIBS_DATA", help="Folder for log, snapshots and keys.")]
Redis = Annotated[
    str | None,
    typer.Option(envvar="DIBS_REDIS", help="Redis or Valkey address; default: the bundled server."),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database", envvar="DIBS_DATABASE", help="Views in PostgreSQL; default: SQLite files."
    ),
]
Host = Annotated[str, typer.Option(envvar="DIBS_HOST", help="IP address to listen on.")]
Port = Annotated[int, typer.Option(envvar="DIBS_PORT", help="TCP port to listen on.")]
Twin = Annotated[
    str, typer.Option("--ledger", envvar="DIBS_LEDGER", help="Ledger: auto, fast or slow.")
]
Lane = Annotated[
    str, typer.Option("--lane", envvar="DIBS_LANE", help="Hot calls: auto, fast or slow lane.")
]
Fronts = Annotated[
    int,
    typer.Option(
        "--fronts", envvar="DIBS_FRONTS", help="HTTP processes beside the writer's; 0: none."
    ),
]
Url = Annotated[str, typer.Option(help="Where dibs listens.")]
Key = Annotated[str, typer.Option(envvar="DIBS_KEY", help="API key; default: DATA/admin.key.")]
OrderChannel = Annotated[str, typer.Argument(help="The order's channel.")]
OrderId = Annotated[str, typer.Argument(help="The channel's own id of the order.")]
DATA = Path("data")
URL = f"http://127.0.0.1:{PORT_DEFAULT}"
Tied = Annotated[bool, typer.Option("--tied", hidden=True)]


def end_with_parent() -> None:
    """End this process when its standard input ends: `dibs up` holds the other end, and whatever
    way it dies, nothing of it stays behind."""
    import os
    import signal
    import threading

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="tied", daemon=True).start()
