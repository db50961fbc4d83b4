"""What `dibs channels …` and `dibs twin` do."""

import asyncio
import csv
import getpass
import os
import random
import secrets as randomness
import signal
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from rich import box
from rich.console import Console
from rich.table import Table

from engine.cli.views import home_of
from engine.cli.webhooks import book_of
from engine.config import Settings
from engine.connectors import registry, scaffold
from engine.connectors.base import Account
from engine.connectors.twins import Faults
from engine.core import limits
from engine.core.errors import ConfigError
from engine.service.cycles import Collector, settle
from engine.service.keys import KeyBook, kept_key
from engine.service.wiring import Wiring
from engine.sync import metrics
from engine.sync.accounts import Accounts, Watch
from engine.sync.connections import Connection, Connections
from engine.sync.feed import Feed
from engine.sync.listings import Listing, Listings
from engine.sync.office import Office
from engine.sync.store import SyncStore
from engine.views.reader import ViewsReader

console = Console()
_SCOPES = ("read", "sell", "stock")  # the last for who ships for us, connected now or later


def run(settings: Settings, url: str, host: str, port: int) -> None:
    """Run sync for all accounts, those to come too, and webhooks, until a signal. Raises
    `ConfigError` where somebody else has the port."""
    import uvloop

    wiring = Wiring(settings)
    book = wiring.key_book()
    book.start()
    try:
        with _listening(host, port) as heard:
            key = kept_key(book, settings.data / "sync.key", "channels", *_SCOPES)
            uvloop.run(_run(wiring, url, key, book, heard))
    finally:
        book.stop()
        wiring.close()


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens for pushes."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(
            f"pushes cannot come to {host} port {port} ({error.strerror}): end who listens there, "
            "or choose another: --port of `dibs channels run`, --hooks-port of `dibs up`"
        ) from error


async def _run(wiring: Wiring, url: str, key: str, book: KeyBook, heard: socket.socket) -> None:
    store = SyncStore(wiring.url("sync"))
    accounts = Accounts(wiring.settings.data)
    office = Office(
        (),
        store,
        Feed(wiring.stock_reader),
        ViewsReader(home_of(wiring.settings)),
        url=url,
        key=key,
        watch=Watch(accounts).look,
        book=book_of(wiring.settings, store),
        connect=wiring.stock_reader,
        renewed=accounts.renewed,
    )
    office.hooks.app.routes.append(metrics.route(office.statuses, partial(_may_read, book)))
    server = uvicorn.Server(
        uvicorn.Config(office.hooks.app, log_level="warning", lifespan="off", access_log=False)
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    host, port = heard.getsockname()[:2]
    console.print(f"pushes come to http://{host}:{port}/hooks/ACCOUNT/…", soft_wrap=True)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(office.run(stop))
            collecting = [
                tasks.create_task(Collector(lambda: office.resting).run()),
                tasks.create_task(_settle(office)),
            ]
            serving = tasks.create_task(server._serve([heard]))
            await stop.wait()
            for job in collecting:
                job.cancel()
            server.should_exit = True
            await serving
    finally:
        await store.close()


async def _settle(office: Office) -> None:
    """Have what was loaded to stay, listings most of all, never be looked at as garbage again."""
    settled = -1
    while True:
        if office.listed > settled * _GROWN:
            settle(limits.GC_OFFICE_OBJECTS_MAX)
            settled = office.listed
        await asyncio.sleep(limits.GC_LOOK_S)


def _may_read(book: KeyBook, token: str) -> bool:
    found = book.grants(token)
    return found is not None and "read" in found[1]


def connect(
    settings: Settings,
    connector: str,
    name: str,
    url: str,
    channel: str,
    secrets: list[str],
    options: list[str],
) -> None:
    """Write an account's file."""
    kept = _pairs(secrets, ask=True)
    kept.setdefault("hook_path", randomness.token_urlsafe(24))
    account = Account(
        name=name,
        connector=connector,
        channel=channel,
        url=url,
        secrets=kept,
        options=_pairs(options),
    )
    missing = set(registry.connector_class(connector).needs) - set(kept)
    if missing:
        raise ConfigError(f"{connector} needs --secret {'=…, --secret '.join(sorted(missing))}=…")
    wanted = getattr(registry.connector_class(connector), "needs_options", ())
    if missing := sorted(set(wanted) - set(account.options)):
        raise ConfigError(f"{connector} needs --option {'=…, --option '.join(missing)}=…")
    path = Accounts(settings.data).put(account)
    console.print(f"connected; secrets are in {path}", soft_wrap=True)
    console.print(f"push to   …/hooks/{name}/{kept['hook_path']}", soft_wrap=True)


def _pairs(rows: list[str], ask: bool = False) -> dict[str, str]:
    found = {}
    for row in rows:
        name, equals, value = row.partition("=")
        if not equals or not name:
            raise ConfigError(f"{name!r} is not NAME=VALUE")
        found[name] = getpass.getpass(f"{name}: ") if ask and value == "-" else value
    return found


def connectors() -> None:
    """Show connectors."""
    table = Table("connector", "secrets", "what it is")
    for name in registry.names():
        kind = registry.connector_class(name)
        table.add_row(name, ", ".join(kind.needs), (kind.__doc__ or "").partition("\n")[0])
    console.print(table)


def new(name: str, into: Path) -> None:
    """Write a connector's folder, and say what comes next."""
    folder = scaffold.write(name, into.absolute())
    todo = sum(page.read_text().lower().count("to do") for page in folder.iterdir())
    console.print(f"{folder} is there, with {todo} things to do; grep -ri 'to do' says which")
    console.print(f"  export DIBS_CONNECTORS={folder.parent}", soft_wrap=True)
    console.print(f"  dibs twin {name} --port 8800 --shoppers 1", soft_wrap=True)
    console.print(f"  pytest tests/sync/test_conformance.py -k {name}", soft_wrap=True)


def _with_store(settings: Settings, work: Callable[[SyncStore], Awaitable[Any]]) -> Any:
    """Do something with the store of a running log server."""

    async def go() -> Any:
        wiring = Wiring(settings)
        store = SyncStore(wiring.url("sync"))
        try:
            return await work(store)
        finally:
            await store.close()
            wiring.close()

    return asyncio.run(go())


def accounts(settings: Settings) -> None:
    """Show accounts and how each is doing."""

    async def look(store: SyncStore) -> list[Connection]:
        return await Connections(Watch(Accounts(settings.data)), store).all()

    table = Table(box=box.SIMPLE, pad_edge=False)
    for head in ("account", "connector", "channel", "health"):
        table.add_column(head, no_wrap=True)
    for head in ("waiting", "p99", "inbox", "dead", "drift", "swept"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in _with_store(settings, look):
        table.add_row(row.account, row.connector, row.channel, _WORDS[row.health], *_cells(row))
    Console(width=max(console.width, _WIDTH)).print(table)


_GROWN = 1.1  # times the listings of the last time: so many new ones are worth a look at all
_CARRIERS_S = 5.0  # between two comings of a twin's carriers
_WIDTH = 110  # a number that is cut off tells nothing
_WORDS = {
    "good": "[green]good[/]",
    "letters": "[yellow]dead letters[/]",
    "behind": "[yellow]behind[/]",
    "failing": "[red]failing[/]",
    "stopped": "[red]stopped[/]",
}


def _cells(row: Connection) -> list[str]:
    """Return the cells of an account that tell how it is doing."""
    status = row.status
    if status is None:
        return ["", "", "", "", "", "never"]
    return [
        f"{status.waiting.total} of {status.listings}",
        "" if status.p99_ms is None else f"{status.p99_ms:.0f} ms",
        str(status.inbox),
        str(status.dead),
        str(status.drifted),
        f"{(datetime.now(UTC) - status.swept_until).total_seconds():.0f} s ago"
        if status.swept_until
        else "never",
    ]


def disconnect(settings: Settings, name: str) -> None:
    """Remove an account's file."""
    Accounts(settings.data).remove(name)
    console.print(f"{name} is disconnected")


def listings(settings: Settings, name: str, file: Path) -> int:
    """Read a CSV of listings; all of it, or nothing if a row is bad."""
    account = Accounts(settings.data).find(name)
    rows, bad = [], []
    with file.open(newline="", encoding="utf-8-sig") as lines:
        for number, row in enumerate(csv.DictReader(lines), 2):
            listing, sku = (row.get("listing") or "").strip(), (row.get("sku") or "").strip()
            if not listing or not sku:
                bad.append(f"line {number}: give a listing and a sku")
                continue
            item = {k.removeprefix("item."): v for k, v in row.items() if k.startswith("item.")}
            published = (row.get("published") or "yes").strip().lower() not in ("no", "0", "false")
            rows.append(Listing(listing, sku, item, published))
    for line in bad[:20]:
        console.print(line, style="red")
    if bad:
        console.print(f"{len(bad)} bad rows; nothing was changed")
        return 1

    async def put(store: SyncStore) -> None:
        await Listings(store, account.name).put(rows)

    _with_store(settings, put)
    console.print(f"{len(rows)} listings of {account.name} are mapped")
    return 0


def dead(settings: Settings, name: str, replay: bool) -> None:
    """Show the oldest, or try all of them again."""
    watch, account = Watch(Accounts(settings.data)), Accounts(settings.data).find(name)

    async def look(store: SyncStore) -> Table:
        table = Table("letter", "document", "came by", "died at", "problem")
        connections = Connections(watch, store)
        letters, more = await connections.letters(account.name, "", limits.LETTERS_PAGE_MAX)
        for row in letters:
            table.add_row(row.letter, row.id, row.by, f"{row.at:%Y-%m-%dT%H:%M:%S}", row.problem)
        if more:
            table.caption = "there are more"
        if replay:
            count = await connections.replay_all(account.name)
            table.caption = f"{count} are tried again"
        return table

    console.print(_with_store(settings, look))


def twin(
    connector: str, port: int, stock: list[str], push: str, shoppers: float, faults: str
) -> None:
    """Serve a twin until Ctrl-C."""
    units = {sku: int(number) for sku, number in _pairs(stock).items()}
    bad = Faults(
        **{name: float(n) for name, n in _pairs(faults.split(",") if faults else []).items()}
    )
    asyncio.run(_twin(connector, port, units, push, shoppers, bad))


async def _twin(
    connector: str, port: int, units: dict[str, int], push: str, shoppers: float, faults: Faults
) -> None:
    made = registry.twin_class(connector)(units, faults, seed=os.getpid())
    if push:
        made.hook(push)
    url = f"http://127.0.0.1:{port}"
    account = made.account(url)
    rows = [("secret", account.secrets), ("option", account.options)]
    words = " ".join(f"--{kind} {n}={value}" for kind, pairs in rows for n, value in pairs.items())
    console.print(f"{connector} twin at {url}; connect it with", soft_wrap=True)
    console.print(
        f"  dibs channels connect {connector} {account.name} --url {url} {words}", soft_wrap=True
    )
    server = uvicorn.Server(
        uvicorn.Config(made.app, port=port, log_level="warning", lifespan="off")
    )
    async with asyncio.TaskGroup() as tasks:
        busy = [tasks.create_task(job) for job in (_shop(made, shoppers), _collect(made))]
        await server.serve()
        for job in busy:
            job.cancel()
    await made.pushes.close()


async def _collect(made: Any) -> None:
    """Have carriers come now and then."""
    while True:
        await asyncio.sleep(_CARRIERS_S)
        made.collect()


async def _shop(made: Any, each_s: float) -> None:
    """Buy whatever is shown, and say so."""
    while each_s > 0:
        await asyncio.sleep(random.expovariate(each_s))
        shown = [name for name in made.listings() if made.shown(name) > 0]
        if shown:
            listing = random.choice(shown)
            order = made.buy(listing)
            console.print(f"order {order}: one of {listing}, {made.shown(listing)} shown now")
