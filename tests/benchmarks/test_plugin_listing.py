"""Twenty guests, one of them broken: all are listed, and no torch is imported for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.plugin_listing import PLUGINS, install_guests

LISTING = """
import sys
from multiprot.cli.main import main
code = main(["plugins", "list"])
print("torch" in sys.modules or "transformers" in sys.modules)
sys.exit(code)
"""


def test_all_are_listed_without_torch(tmp_path: Path) -> None:
    install_guests(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", LISTING],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("  guest-")]
    assert len(rows) == PLUGINS
    (broken,) = (row for row in rows if "error: " in row)
    assert "a_library_that_is_not_installed" in broken
    assert "multiprot-guest-19 1.0" in broken
    assert done.stdout.splitlines()[-1] == "False"
