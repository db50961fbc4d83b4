"""The guides to connecting channels, run as their readers would run them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.connectors import registry
from tests.processes import Dibs, free_port
from tests.sync.contracts.catalogue import SOURCES

DOCS = Path(__file__).parents[2] / "docs"
INDEX = DOCS / "connect" / "README.md"
GUIDES = {"woocommerce": DOCS / "connect.md"} | {
    page.stem: page
    for page in sorted((DOCS / "connect").glob("*.md"))
    if page.stem in registry.names()
}
_BLOCK = re.compile(r"```(sh|json)\n(.*?)```", re.S)
_CHANNEL = re.compile(r"^\| \[.*?\]\((\S+)\) \| `(\w+)` \| (.*) \|$", re.M)


# The others take a quarter of a minute each, and differ in what they connect, not in how.
ALWAYS = ("amazon", "wholesale", "woocommerce")


@pytest.mark.parametrize("connector", GUIDES)
def test_connecting_a_channel_does_what_it_says(connector: str, tmp_path: Path) -> None:
    if connector not in ALWAYS and not os.environ.get("DIBS_SYNC_FULL"):
        pytest.skip("with DIBS_SYNC_FULL=1, or by `make channels-full`")
    (tmp_path / "data").mkdir()
    with Dibs(tmp_path / "data", views=True) as dibs:
        done, shown = _run(GUIDES[connector], dibs, tmp_path)
    answers = [json.loads(line) for line in done.splitlines() if line.startswith("{")]
    assert all(answers[-1][name] == value for name, value in shown.items())
    assert connector in done


def test_the_list_of_channels_says_what_each_can_do() -> None:
    listed = {(name, page, row) for page, name, row in _CHANNEL.findall(INDEX.read_text())}
    right = set()
    for connector, guide in GUIDES.items():
        twin = registry.twin_class(connector)
        comes = "push and sweep" if twin.pushes_orders else "sweep"
        proved = ("yes" if twin.signs else "no") if twin.pushes_orders else "none come"
        told = "yes" if twin.can_cancel else "no"
        kind = SOURCES[connector].kind if connector in SOURCES else "none: ours"
        page = Path(os.path.relpath(guide, INDEX.parent)).as_posix()
        right.add((connector, page, " | ".join((comes, proved, told, kind))))
    assert listed == right


def _run(guide: Path, dibs: Dibs, folder: Path) -> tuple[str, dict]:
    blocks = _BLOCK.findall(guide.read_text())
    (shown,) = [json.loads(text) for kind, text in blocks if kind == "json"]
    script = "\n".join(text for kind, text in blocks if kind == "sh")
    places = {
        "http://127.0.0.1:8787": dibs.url,
        "data/admin.key": str(dibs.folder / "admin.key"),
        "8800": str(free_port()),
        "8788": str(free_port()),
        " listings.csv": f" {folder}/listings.csv",
    }
    for old, new in places.items():
        script = script.replace(old, new)
    command = f'export DIBS_DATA={dibs.folder}\ndibs() {{ {sys.executable} -m engine.cli "$@"; }}\n'
    # A function in the background is a shell; killing that must end what it runs.
    server = rf"exec {sys.executable} -m engine.cli \1"
    script = re.sub(r"^dibs (twin|channels run)", server, script, flags=re.M)
    script = re.sub(r"^(exec .*?) &$", r"( \1 ) &", script, flags=re.M | re.S)
    done = subprocess.run(
        ["bash", "-euc", command + script], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout, shown
