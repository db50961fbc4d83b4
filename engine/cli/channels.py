"""What `dibs channels …` and `dibs twin` do."""

import asyncio
import csv
import getpass
import os
import random
import secrets as randomness
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from rich.console import Console
from rich.table import Table

from engine.cli.views import home_of
from engine.cli.webhooks import book_of
from engine.config import Settings
from engine.connectors import registry, scaffold
from engine.connectors.base import Account
from engine.connectors.twins import Faults
from engine.core.errors import ConfigError
from engine.service.keys import kept_key
from engine.service.wiring import Wiring
from engine.sync.accounts import Accounts
from engine.sync.feed import Feed
from engine.sync.handoff import locations_of
from engine.sync.listings import Listing, Listings
from engine.sync.office import Office
from engine.sync.store import SyncStore
from engine.views.reader import ViewsReader

console = Console()


def run(settings: Settings, url: str, host: str, port: int) -> None:
    """Run sync for all accounts, and webhooks, until a signal."""
    accounts = Accounts(settings.data).all()
    wiring = Wiring(settings)
    try:
        book = wiring.key_book()
        scopes = ["read", "sell"] + ["stock"] * any(map(locations_of, accounts))
        key = kept_key(book, settings.data / "sync.key", "channels", *scopes)
        asyncio.run(_run(wiring, accounts, url, key, host, port))
    finally:
        wiring.close()


async def _run(
    wiring: Wiring, accounts: list[Account], url: str, key: str, host: str, port: int
) -> None:
    store = SyncStore(wiring.url("sync"))
    book = book_of(wiring.settings, store)
    if not accounts and not await book.all():
        await store.close()
        raise ConfigError(
            "no account is connected yet, and there is no webhook; see `dibs channels connect "
            "--help` and `dibs webhooks put --help`"
        )
    office = Office(
        accounts,
        store,
        Feed(wiring.stock_reader),
        ViewsReader(home_of(wiring.settings)),
        url=url,
        key=key,
        book=book,
        connect=wiring.stock_reader,
    )
    config = uvicorn.Config(office.hooks.app, host, port, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    for account in accounts:
        word = account.secrets.get("hook_path")
        if word:
            console.print(
                f"{account.name}: push to http://{host}:{port}/hooks/{account.name}/{word}"
            )
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(office.run(stop))
            serving = tasks.create_task(server._serve())
            await stop.wait()
            server.should_exit = True
            await serving
    finally:
        await store.close()


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
    """Show accounts."""

    async def look(store: SyncStore) -> Table:
        table = Table("account", "connector", "channel", "listings", "inbox", "dead", "swept until")
        cursors = await store.table("cursors")
        for account in Accounts(settings.data).all():
            table.add_row(
                account.name,
                account.connector,
                account.channel,
                str(len(await store.table("listings", account.name))),
                str(await store.inbox_length(account.name)),
                str(len(await store.dead(account.name))),
                cursors.get(f"sweep:{account.name}", b"never").decode()[:19],
            )
        return table

    console.print(_with_store(settings, look))


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
    """Show, or try again."""
    account = Accounts(settings.data).find(name)

    async def look(store: SyncStore) -> Table:
        table = Table("document", "came by", "problem")
        for letter in await store.dead(account.name):
            table.add_row(letter.id, letter.by, letter.problem)
            if replay:
                await store.revive(account.name, letter)
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
        buying = tasks.create_task(_shop(made, shoppers))
        await server.serve()
        buying.cancel()
    await made.pushes.close()


async def _shop(made: Any, each_s: float) -> None:
    """Buy whatever is shown, and say so."""
    while each_s > 0:
        await asyncio.sleep(random.expovariate(each_s))
        shown = [name for name in made.listings() if made.shown(name) > 0]
        if shown:
            listing = random.choice(shown)
            order = made.buy(listing)
            console.print(f"order {order}: one of {listing}, {made.shown(listing)} shown now")
