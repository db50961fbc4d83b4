"""A connector begun with `dibs channels new` runs, and says what is to be done."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine import connectors
from engine.connectors import registry, scaffold
from engine.core.errors import ConfigError
from tests.sync import test_conformance as conformance

ROOT = Path(__file__).parents[2]


def run(*command: str, home: Path) -> str:
    """Run a module in the repository with connectors of one's own in a folder."""
    env = os.environ | {"DIBS_CONNECTORS": str(home), "COLUMNS": "200"}
    words = [sys.executable, "-m", *command]
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def home(tmp_path: Path, monkeypatch) -> Path:
    """Have a folder with connectors of one's own, as DIBS_CONNECTORS names it."""
    monkeypatch.setattr(connectors, "__path__", [*connectors.__path__, str(tmp_path)])
    registry.folders.cache_clear()
    yield tmp_path
    registry.folders.cache_clear()


def test_a_new_connector_is_known_and_written_as_ours_are(tmp_path: Path) -> None:
    told = run("engine.cli", "channels", "new", "acme", "--into", str(tmp_path), home=tmp_path)
    assert f"export DIBS_CONNECTORS={tmp_path}" in told
    known = run("engine.cli", "channels", "connectors", home=tmp_path)
    assert "acme" in known and "woocommerce" in known
    # In what order imports are sorted depends on the name, and on where the folder is.
    run("ruff", "check", "--ignore", "I001", str(tmp_path / "acme"), home=tmp_path)
    run("ruff", "format", "--check", str(tmp_path / "acme"), home=tmp_path)


async def test_a_new_connector_sells_at_once_and_says_what_is_to_do(desk, home: Path) -> None:
    scaffold.write("acme", home)
    registry.folders.cache_clear()
    assert "acme" in registry.names()
    conformance.test_limits_say_since_when_and_where_that_is_written("acme")
    await conformance.test_what_is_sold_is_an_order_and_the_rest_is_shown(desk, "acme")
    with pytest.raises(NotImplementedError, match="to do: tell Acme of a parcel, once for each"):
        await conformance.test_a_parcel_is_told_once(desk, "acme")


@pytest.mark.parametrize("name", ["", "A", "two words", "../up", "twins", "new", "woocommerce"])
def test_a_name_that_will_not_do_writes_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        scaffold.write(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    with pytest.raises(ConfigError, match="already"):
        scaffold.write("acme", tmp_path)
    assert not list((tmp_path / "acme").iterdir())
