"""The guide to connecting a channel, run as its reader would run it."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.processes import Dibs, free_port

GUIDE = Path(__file__).parents[2] / "docs" / "connect.md"
_BLOCK = re.compile(r"```(sh|json)\n(.*?)```", re.S)


def test_connecting_a_channel_does_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with Dibs(tmp_path / "data", views=True) as dibs:
        done, shown = _run(dibs, tmp_path)
    answers = [json.loads(line) for line in done.splitlines() if line.startswith("{")]
    assert all(answers[-1][name] == value for name, value in shown.items())
    assert " shop " in done and "woocommerce" in done


def _run(dibs: Dibs, folder: Path) -> tuple[str, dict]:
    blocks = _BLOCK.findall(GUIDE.read_text())
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
