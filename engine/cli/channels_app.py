"""`dibs channels …` and `dibs twin`: options and help; what they do is in `cli.channels`."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.options import DATA, URL, Data, Redis, Tied, Url, end_with_parent
from engine.config import PORT_DEFAULT, Settings

channels_app = typer.Typer(
    no_args_is_help=True, help="Sales channels: connect, map listings, keep in sync."
)
Name = Annotated[str, typer.Argument(help="Name of the account: a-z, 0-9 and -.")]


def _settings(data: Path, redis: str | None = None) -> Settings:
    return Settings(data.absolute(), redis)


@channels_app.command()
def run(
    data: Data = DATA,
    redis: Redis = None,
    url: Url = URL,
    host: Annotated[str, typer.Option(help="IP address for pushes to come to.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port for pushes to come to.")] = PORT_DEFAULT + 1,
    tied: Tied = False,
) -> None:
    """Keep all connected accounts in sync, and send webhooks, until Ctrl-C."""
    from engine.cli.channels import run as go

    if tied:
        end_with_parent()
    go(_settings(data, redis), url, host, port)


@channels_app.command()
def connect(
    connector: Annotated[str, typer.Argument(help="Connector; `dibs channels connectors`.")],
    name: Name,
    url: Annotated[str, typer.Option(help="Address of the channel's API, or of a twin.")],
    channel: Annotated[
        str, typer.Option(help="Channel of dibs; default: the account's name.")
    ] = "",
    secret: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, or NAME=- to be asked for it.")
    ] = None,
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE.")] = None,
    data: Data = DATA,
) -> None:
    """Connect an account. Its secrets stay in a file that only you can read."""
    from engine.cli.channels import connect as go

    pairs = (secret or [], option or [])
    go(_settings(data), connector, name, url, channel or name, *pairs)


@channels_app.command()
def connectors() -> None:
    """List connectors and what each needs."""
    from engine.cli.channels import connectors as go

    go()


@channels_app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the connector: a-z and 0-9.")],
    into: Annotated[Path, typer.Option(help="Folder to write its folder into.")] = Path(),
) -> None:
    """Begin a connector of your own: a folder that runs, and what is to do in it."""
    from engine.cli.channels import new as go

    go(name, into)


@channels_app.command("list")
def accounts(data: Data = DATA, redis: Redis = None) -> None:
    """List accounts: what waits, what is dead, what they sell."""
    from engine.cli.channels import accounts as go

    go(_settings(data, redis))


@channels_app.command()
def disconnect(name: Name, data: Data = DATA) -> None:
    """Forget an account and its secrets. Its orders stay."""
    from engine.cli.channels import disconnect as go

    go(_settings(data), name)


@channels_app.command()
def listings(
    name: Name,
    file: Annotated[Path, typer.Argument(help="CSV: listing, sku, published, and item.NAME.")],
    data: Data = DATA,
    redis: Redis = None,
) -> None:
    """Map an account's listings to SKUs. A bad row changes nothing and is named."""
    from engine.cli.channels import listings as go

    raise typer.Exit(go(_settings(data, redis), name, file))


@channels_app.command()
def dead(
    name: Name,
    replay: Annotated[bool, typer.Option(help="Try all of them again.")] = False,
    data: Data = DATA,
    redis: Redis = None,
) -> None:
    """Show documents that could not be applied, and why."""
    from engine.cli.channels import dead as go

    go(_settings(data, redis), name, replay)


def twin(
    connector: Annotated[str, typer.Argument(help="Connector, like woocommerce.")],
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8800,
    stock: Annotated[list[str] | None, typer.Option(help="SKU=UNITS; may be repeated.")] = None,
    push: Annotated[str, typer.Option(help="Address to push to.")] = "",
    shoppers: Annotated[float, typer.Option(help="Orders a second.")] = 0.0,
    faults: Annotated[str, typer.Option(help="Like dropped=0.1,doubled=0.1,late_s=2.")] = "",
) -> None:
    """Run a local server that speaks a channel's contract, to try dibs out with."""
    from engine.cli.channels import twin as go

    go(connector, port, stock or ["MUG=10"], push, shoppers, faults)
