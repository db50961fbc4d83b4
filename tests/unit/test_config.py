"""Settings from the environment: taken when they are safe, refused by name when not."""

import os
from pathlib import Path

import pytest

from engine.config import Settings
from engine.core import limits
from engine.core.errors import ConfigError
from engine.cores import usable_cores
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


def test_the_writer_stays_awake_where_each_process_has_a_core(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("DIBS_AWAKE", raising=False)
    for cores, fronts, expected in ((1, 0, False), (2, 0, True), (3, 2, False), (4, 2, True)):
        monkeypatch.setattr("engine.config.usable_cores", lambda cores=cores: cores)
        assert Settings(tmp_path, fronts=fronts).stays_awake is expected
    monkeypatch.setenv("DIBS_AWAKE", "off")
    assert not Settings(tmp_path).stays_awake
    monkeypatch.setenv("DIBS_AWAKE", "sometimes")
    with pytest.raises(ConfigError, match="DIBS_AWAKE"):
        Settings(tmp_path)


@pytest.mark.parametrize(
    ("text", "most"), [("max 100000\n", None), ("150000 100000\n", 1), ("", None)]
)
def test_a_control_groups_quota_counts_as_cores(
    tmp_path: Path, text: str, most: int | None
) -> None:
    quota = tmp_path / "cpu.max"
    quota.write_text(text)
    free = len(os.sched_getaffinity(0))
    assert usable_cores(quota) == (most or free)
    assert usable_cores(tmp_path / "missing") == free
