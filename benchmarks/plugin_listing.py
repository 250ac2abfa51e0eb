"""How long `multiprot plugins list` takes with guests of which one is broken.

    python -m benchmarks.plugin_listing --out FILE

Once with a single guest, which is broken, beside the plugins that are installed anyway, once with
twenty guests. They are written into a folder with metadata of their own, as pip leaves them, each
an encoder with options and capabilities. Beside it stands what nobody can go below: the time in
which this Python starts, and in which it imports typer and pydantic.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.results import save_results

PLUGINS: Final = 20
LIMIT_MS: Final = 300

_DECLARATION: Final = """
from pydantic import Field

from multiprot.config import Section
from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality


class Options(Section):
    width: int = Field(default=64, ge=1)


guest = EncoderPlugin(
    name="guest-{number}", modality=Modality.SEQUENCE, summary="Guest number {number}",
    config=Options, build=lambda options: None,
    capabilities=lambda options: Capabilities(
        trainable=True, max_residues=None, requires=frozenset({{"sequence"}})
    ),
)
"""


def install_guests(folder: Path, count: int = PLUGINS) -> None:
    """Write `count` plugins with their metadata into `folder`; the last one cannot be imported."""
    for number in range(count):
        source = _DECLARATION.format(number=number)
        broken = "import a_library_that_is_not_installed\n" if number == count - 1 else ""
        (folder / f"guest_{number}.py").write_text(broken + source)
        info = folder / f"multiprot_guest_{number}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: multiprot-guest-{number}\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(
            f"[multiprot.sequence_encoders]\nguest-{number} = guest_{number}:guest\n"
        )


def milliseconds(command: list[str], folder: Path, repeats: int) -> tuple[float, str]:
    """Median wall time of a command with `folder` on Python's path, and what it printed last."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    times, printed = [], ""
    for _ in range(repeats + 1):
        started = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        times.append(1000 * (time.perf_counter() - started))
        printed = done.stdout
    # The first call compiles modules and fills the file cache.
    return statistics.median(times[1:]), printed


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    programs = {
        "python": "pass",
        "python, typer, pydantic": "import typer, pydantic",
    }
    medians = {}
    for name, program in programs.items():
        command = [sys.executable, "-c", program]
        medians[name] = milliseconds(command, Path(), options.repeats)[0]
    for guests in (1, PLUGINS):
        with tempfile.TemporaryDirectory() as place:
            install_guests(Path(place), guests)
            command = [str(Path(sys.executable).parent / "multiprot"), "plugins", "list"]
            median, printed = milliseconds(command, Path(place), options.repeats)
        rows = [line for line in printed.splitlines() if line.startswith("  ")]
        broken = sum("error: " in row for row in rows)
        medians[f"{len(rows)} plugins, {broken} broken"] = median
    figures = {
        "limit_ms": LIMIT_MS,
        "median_ms": {name: round(median, 1) for name, median in medians.items()},
    }
    results = save_results(options.out, "benchmarks.plugin_listing", figures)
    for name, median in results["median_ms"].items():
        print(f"{name:<24} {median:7.1f} ms")
    print(f"to stay below {LIMIT_MS} ms with twenty")


if __name__ == "__main__":
    main()
