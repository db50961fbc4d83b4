"""Settings from the environment: taken when they are safe, refused by name when not."""

from pathlib import Path

import pytest

from engine.config import Settings
from engine.core import limits
from engine.core.errors import ConfigError
from engine.service.wiring import Wiring

NAME = "DIBS_LOG_MEMORY_MIB"


def test_the_logs_memory_is_bounded_and_may_be_set(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    assert Settings(tmp_path).log_memory_mib == limits.SERVER_MEMORY_BYTES >> 20
    monkeypatch.setenv(NAME, "100")
    wiring = Wiring(Settings(tmp_path / "data"))
    try:
        store = wiring.store()
        assert store.info()["maxmemory"] == 100 << 20
        store.close()
    finally:
        wiring.close()


@pytest.mark.parametrize("text", ["0", "63", "2g", "-5", "1e3"])
def test_a_bound_that_cannot_be_is_refused_by_name(tmp_path: Path, monkeypatch, text: str) -> None:
    monkeypatch.setenv(NAME, text)
    with pytest.raises(ConfigError, match=NAME):
        Settings(tmp_path)
