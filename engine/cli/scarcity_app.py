"""`dibs scarcity …`: its commands and options."""

from typing import Annotated

import typer

from engine.cli.options import DATA, URL, Data, Database, Tied, Url, end_with_parent
from engine.config import Settings

scarcity_app = typer.Typer(
    no_args_is_help=True, help="Prices of scarce units, made from the demand to come."
)

Key = Annotated[
    str,
    typer.Option(envvar="DIBS_KEY", help="API key with the scope admin; default: DATA/admin.key."),
]
Back = Annotated[float, typer.Option(help="Days of orders that the forecast is made of.")]
Ahead = Annotated[
    float, typer.Option(help="Days that stock has to last where no delivery is expected sooner.")
]
MetricsPort = Annotated[
    int, typer.Option(min=0, max=65_535, help="Port for /metrics on this machine; 0: none.")
]
BACK_DAYS, AHEAD_DAYS, EVERY_S = 28.0, 14.0, 300.0


@scarcity_app.command("once")
def once(
    url: Url = URL,
    key: Key = "",
    data: Data = DATA,
    database: Database = None,
    back_days: Back = BACK_DAYS,
    ahead_days: Ahead = AHEAD_DAYS,
) -> None:
    """Make the prices of all SKUs anew from the views, and put those that have changed.

    Exit code 0: all were taken. 1: some were refused.
    """
    from engine.cli.scarcity import checked
    from engine.cli.scarcity import once as run

    settings = Settings(data.absolute(), database=database)
    raise typer.Exit(int(run(settings, url, key, checked(back_days, ahead_days)).refused > 0))


@scarcity_app.command("follow")
def follow(
    url: Url = URL,
    key: Key = "",
    data: Data = DATA,
    database: Database = None,
    back_days: Back = BACK_DAYS,
    ahead_days: Ahead = AHEAD_DAYS,
    every_s: Annotated[
        float, typer.Option("--every", min=1, help="Seconds between passes.")
    ] = EVERY_S,
    metrics_port: MetricsPort = 0,
    tied: Tied = False,
) -> None:
    """Keep the prices up with the demand. `dibs up --scarcity SECONDS` runs it beside the rest."""
    from engine.cli.scarcity import checked
    from engine.cli.scarcity import follow as run

    if tied:
        end_with_parent()
    settings = Settings(data.absolute(), database=database)
    run(settings, url, key, checked(back_days, ahead_days), every_s, metrics_port)
