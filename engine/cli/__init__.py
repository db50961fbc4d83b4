"""`dibs …`: one function per command, imported only when it is called, so help is quick."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.channels_app import channels_app, twin
from engine.cli.options import (
    DATA,
    URL,
    Data,
    Database,
    Fronts,
    Host,
    Key,
    Lane,
    OrderChannel,
    OrderId,
    Port,
    Redis,
    Tied,
    Twin,
    Url,
    end_with_parent,
)
from engine.cli.scarcity_app import scarcity_app
from engine.cli.user import user_app
from engine.cli.webhooks_app import webhooks_app
from engine.config import PORT_DEFAULT, Settings
from engine.core.errors import ConfigError, CorruptLogError, DibsError, FencedError

EXIT_FAILED, EXIT_USAGE, EXIT_FENCED, EXIT_CORRUPT = 1, 2, 3, 4

app = typer.Typer(
    name="dibs",
    help="Order management with one promise: one unit, one buyer.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
keys_app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API keys.")
app.add_typer(keys_app, name="keys")
app.add_typer(user_app, name="user")
views_app = typer.Typer(no_args_is_help=True, help="Read models: tables for screens and reports.")
app.add_typer(views_app, name="views")
app.add_typer(scarcity_app, name="scarcity")
app.add_typer(channels_app, name="channels")
app.add_typer(webhooks_app, name="webhooks")
app.command()(twin)


@app.command()
def up(
    data: Data = DATA,
    redis: Redis = None,
    host: Host = "127.0.0.1",
    port: Port = PORT_DEFAULT,
    ledger: Twin = "auto",
    fronts: Fronts = 0,
    database: Database = None,
    demo: Annotated[
        bool, typer.Option(help="Load a demo catalogue and send a burst of real orders.")
    ] = False,
    stop_after_demo: Annotated[bool, typer.Option(help="End when the demo is over.")] = False,
    scarcity_s: Annotated[
        float,
        typer.Option(
            "--scarcity",
            envvar="DIBS_SCARCITY_S",
            min=0,
            help="Seconds between `dibs scarcity` passes; 0: none.",
        ),
    ] = 0.0,
    hooks_port: Annotated[
        int | None,
        typer.Option(
            envvar="DIBS_HOOKS_PORT",
            min=0,
            max=65_535,
            help="Port for pushes of channels; default: one after --port; 0: no channels.",
        ),
    ] = None,
) -> None:
    """Run everything on this machine: log server, HTTP front with the writer, worker, channels."""
    from engine.cli.up import up as run

    place = {"fronts": fronts, "database": database}
    settings = Settings(data.absolute(), redis, host, port, ledger, **place)
    what = {"demo": demo, "stop_after_demo": stop_after_demo}
    raise typer.Exit(run(settings, **what, scarcity_s=scarcity_s, hooks_port=hooks_port))


@app.command()
def serve(
    data: Data = DATA,
    redis: Redis = None,
    host: Host = "127.0.0.1",
    port: Port = PORT_DEFAULT,
    ledger: Twin = "auto",
    lane: Lane = "auto",
    fronts: Fronts = 0,
    database: Database = None,
    tied: Tied = False,
) -> None:
    """Run the HTTP front and the one writer."""
    from engine.cli.serve import serve as run

    if tied:
        end_with_parent()
    run(Settings(data.absolute(), redis, host, port, ledger, lane, fronts, database=database))


@app.command(hidden=True)
def front(
    data: Data = DATA,
    redis: Redis = None,
    host: Host = "127.0.0.1",
    port: Port = PORT_DEFAULT,
    lane: Lane = "auto",
    tied: Tied = False,
) -> None:
    """Run one of the HTTP processes of `dibs serve --fronts`, which starts it."""
    from engine.cli.front import front as run

    if tied:
        end_with_parent()
    run(Settings(data.absolute(), redis, host, port, lane=lane))


@app.command()
def work(
    data: Data = DATA,
    redis: Redis = None,
    ledger: Twin = "auto",
    snapshot_events: Annotated[int, typer.Option(help="Events between snapshots.")] = 500_000,
    snapshot_s: Annotated[float, typer.Option(help="Seconds between snapshots.")] = 300.0,
    views: Annotated[bool, typer.Option(help="Run `dibs views follow` beside it.")] = True,
    database: Database = None,
    tied: Tied = False,
) -> None:
    """Run the worker: stock stream, archive, snapshots, trimming; and views in a process beside."""
    from engine.cli.work import work as run

    if tied:
        end_with_parent()
    settings = Settings(data.absolute(), redis, ledger=ledger, database=database)
    run(settings, snapshot_events=snapshot_events, snapshot_s=snapshot_s, views=views)


@app.command()
def verify(
    data: Data = DATA,
    redis: Redis = None,
    from_seq: Annotated[int, typer.Option(help="First event to report on.")] = 0,
    to_seq: Annotated[int | None, typer.Option(help="Last event to look at.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the report here as JSON.")] = None,
) -> None:
    """Walk archive, snapshots and log with an independent reader and check every promise.

    Exit code 0: clean. 4: a record is bad; the report names the first.
    """
    from engine.cli.verify import verify as run

    settings = Settings(data.absolute(), redis)
    raise typer.Exit(0 if run(settings, from_seq, to_seq, json) else EXIT_CORRUPT)


@app.command()
def snapshot(data: Data = DATA, redis: Redis = None, ledger: Twin = "auto") -> None:
    """Write a snapshot now, from the log, without stopping the writer."""
    from engine.cli.work import snapshot as run

    run(Settings(data.absolute(), redis, ledger=ledger))


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Order files or folders (csv, csv.gz).")],
    speed: Annotated[str, typer.Option(help="`max`, or how many times real time.")] = "max",
    locations: Annotated[
        int | None, typer.Option(min=1, max=1000, help="How many locations; default: the files'.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the opening stock.")] = 1,
    connections: Annotated[int, typer.Option(min=1, max=1000, help="HTTP connections.")] = 64,
    url: Url = URL,
    key: Key = "",
    data: Data = DATA,
    fill: Annotated[float, typer.Option(help="Opening stock as a share of demand.")] = 0.9,
    when_short: Annotated[
        str, typer.Option(help="refuse, backorder, split or complete.")
    ] = "refuse",
    ship_after_h: Annotated[
        float | None,
        typer.Option(
            "--ship-after",
            help="Hours after which an order leaves; what is cancelled later comes back.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option(help="Stop at the first dirty line.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the report here as JSON.")] = None,
) -> None:
    """Load catalogue and stock implied by real order files, send the orders, and judge.

    Exit code 0: nothing oversold, nothing lost. 1: a promise was broken. 2: bad input.
    """
    from engine.cli.replay import replay as run
    from engine.cli.replay import speed_of
    from engine.replay.run import Options

    options = Options(
        files=tuple(map(str, files)),
        url=url,
        key=key,
        speed=speed_of(speed),
        locations=locations,
        seed=seed,
        connections=connections,
        strict=strict,
        report=report,
        fill=fill,
        when_short=when_short,
        ship_after_h=ship_after_h,
    )
    raise typer.Exit(run(options, data))


@app.command()
def explain(
    channel: OrderChannel,
    order_id: OrderId,
    url: Url = URL,
    key: Key = "",
    data: Data = DATA,
) -> None:
    """Say why an order's units come from where they come."""
    from engine.cli.explain import explain as run

    print("\n".join(run(url, key, data, channel, order_id)))


@app.command()
def timeline(
    channel: OrderChannel,
    order_id: OrderId,
    url: Url = URL,
    key: Key = "",
    data: Data = DATA,
) -> None:
    """Show every change of an order: when, what, by whom, how many units where, and why."""
    from rich.console import Console

    from engine.cli.timeline import timeline as run

    Console().print(run(url, key, data, channel, order_id))


@keys_app.command("create")
def keys_create(
    label: Annotated[str, typer.Argument(help="Who will use it.")],
    scope: Annotated[list[str], typer.Option(help="read, sell, stock or admin; may be repeated.")],
    data: Data = DATA,
    redis: Redis = None,
) -> None:
    """Create a key and print it once; only its HMAC is kept."""
    from engine.cli.keys import create

    create(Settings(data.absolute(), redis), label, scope)


@keys_app.command("list")
def keys_list(data: Data = DATA, redis: Redis = None) -> None:
    """List keys: id, label, scopes, state."""
    from engine.cli.keys import show

    show(Settings(data.absolute(), redis))


@keys_app.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `dibs keys list` shows it.")],
    data: Data = DATA,
    redis: Redis = None,
) -> None:
    """Revoke a key; running servers refuse it within about a second."""
    from engine.cli.keys import revoke

    revoke(Settings(data.absolute(), redis), key_id)


@views_app.command("follow")
def views_follow(
    data: Data = DATA, redis: Redis = None, database: Database = None, tied: Tied = False
) -> None:
    """Keep the views at the log's end. `dibs work` runs it beside itself."""
    from engine.cli.views import follow

    if tied:
        end_with_parent()
    follow(Settings(data.absolute(), redis, database=database))


@views_app.command("rebuild")
def views_rebuild(data: Data = DATA, redis: Redis = None, database: Database = None) -> None:
    """Build the views anew from the whole log, beside those that are read, then swap them."""
    from engine.cli.views import rebuild

    rebuild(Settings(data.absolute(), redis, database=database))


@views_app.command("check")
def views_check(data: Data = DATA, redis: Redis = None, database: Database = None) -> None:
    """Compare the views with views built from zero. Exit code 0: no row differs; 1: some do."""
    from engine.cli.views import check

    raise typer.Exit(
        0 if check(Settings(data.absolute(), redis, database=database)) else EXIT_FAILED
    )


@views_app.command("lag")
def views_lag(data: Data = DATA, redis: Redis = None, database: Database = None) -> None:
    """Say how far the views are behind the log, in events and seconds."""
    from engine.cli.views import show_lag

    show_lag(Settings(data.absolute(), redis, database=database))


@views_app.command("export")
def views_export(
    table: Annotated[str, typer.Argument(help="Table or view, as in docs/views.md.")],
    day: Annotated[str | None, typer.Option(help="Only this day, UTC: YYYY-MM-DD.")] = None,
    out: Annotated[Path | None, typer.Option(help="File; default: standard output.")] = None,
    data: Data = DATA,
    database: Database = None,
) -> None:
    """Write a table or view as CSV, or as Parquet if the file is named .parquet."""
    from engine.cli.views import export

    export(Settings(data.absolute(), database=database), table, day, out)


def _traces(structlog):
    """Tracebacks as JSON, without the values of variables: some of them are secrets."""
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return structlog.processors.ExceptionRenderer(frames)


def _lines(structlog):
    """Lines for a person; tracebacks without the values of variables."""
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def _log_to_stderr() -> None:
    """Logs: lines for a person on a terminal, JSON lines with UTC stamps elsewhere."""
    import structlog

    person = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if person else [_traces(structlog)]),
            _lines(structlog) if person else structlog.processors.JSONRenderer(),
        ],
        # A line is written at once: fronts share the file with the writer.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )


def main() -> None:
    """Run the command line. Errors that a person can mend are one line and an exit code."""
    try:
        _log_to_stderr()
        app()
    except FencedError as error:
        sys.exit(_say(error, EXIT_FENCED))
    except CorruptLogError as error:
        sys.exit(_say(error, EXIT_CORRUPT))
    except ConfigError as error:
        sys.exit(_say(error, EXIT_USAGE))
    except DibsError as error:
        sys.exit(_say(error, EXIT_FAILED))


def _say(error: Exception, code: int) -> int:
    print(f"dibs: {error}", file=sys.stderr)
    return code
