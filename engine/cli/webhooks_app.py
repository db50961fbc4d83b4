"""`dibs webhooks …`: options and help; what they do is in `cli.webhooks`."""

from typing import Annotated

import typer

from engine.cli.options import DATA, Data, Redis
from engine.config import Settings
from engine.core import limits

webhooks_app = typer.Typer(
    no_args_is_help=True,
    help="Services that are told what happens, by `dibs channels run`.",
)
Name = Annotated[str, typer.Argument(help="Name of the webhook, chosen by you.")]


@webhooks_app.command()
def put(
    name: Name,
    url: Annotated[str, typer.Option(help="Where to send messages: https://…")],
    kind: Annotated[
        list[str] | None, typer.Option(help="A type, like order.placed; may be repeated.")
    ] = None,
    channel: Annotated[str, typer.Option(help="Only orders of this channel.")] = "",
    data: Data = DATA,
    redis: Redis = None,
) -> None:
    """Have a service told what happens, or change what it is told."""
    from engine.cli.webhooks import put as go

    go(Settings(data.absolute(), redis), name, url, kind or [], channel or None)


@webhooks_app.command("list")
def show(data: Data = DATA, redis: Redis = None) -> None:
    """Show all webhooks."""
    from engine.cli.webhooks import show as go

    go(Settings(data.absolute(), redis))


@webhooks_app.command()
def remove(name: Name, data: Data = DATA, redis: Redis = None) -> None:
    """Forget a webhook and what waits for it."""
    from engine.cli.webhooks import remove as go

    go(Settings(data.absolute(), redis), name)


@webhooks_app.command()
def rotate(
    name: Name,
    overlap_s: Annotated[
        float, typer.Option(min=0, max=limits.WEBHOOK_OVERLAP_S_MAX, help="The old one also signs.")
    ] = limits.WEBHOOK_OVERLAP_S,
    data: Data = DATA,
    redis: Redis = None,
) -> None:
    """Give a webhook a new secret."""
    from engine.cli.webhooks import rotate as go

    go(Settings(data.absolute(), redis), name, overlap_s)


@webhooks_app.command()
def deliveries(
    name: Name,
    count: Annotated[int, typer.Option(min=1, max=limits.WEBHOOK_LOG_MAX, help="How many.")] = 20,
    data: Data = DATA,
    redis: Redis = None,
) -> None:
    """Show the newest tries to deliver messages, and what came of each."""
    from engine.cli.webhooks import deliveries as go

    go(Settings(data.absolute(), redis), name, count)
