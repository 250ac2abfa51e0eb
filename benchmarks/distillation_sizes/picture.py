"""What is retained against how fast the model is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.ticker import NullFormatter

from multiprot.files import atomic_file


def draw(points: Mapping[str, tuple[int, float]], path: Path) -> None:
    """Write an SVG file.

    Parameters
    ----------
    points
        Model -> residues per second, and the share retained.
    path
        The file.
    """
    figure, axes = pyplot.subplots(figsize=(9, 4.5), layout="constrained")
    colours = pyplot.get_cmap("tab20")
    for number, (name, (speed, share)) in enumerate(points.items()):
        marker = "os^D"[number // 20 % 4]
        axes.plot(speed, 100 * share, marker, color=colours(number % 20), label=name)
    for level in (0, 100):
        axes.axhline(level, color="0.7", linewidth=0.8, zorder=0)
    axes.set_xscale("log")
    axes.margins(x=0.1)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("residues per second")
    axes.set_ylabel("retained of the teacher's gain, %")
    # Students of one shape are equally fast: names beside the points would lie on one another.
    figure.legend(loc="outside right upper", fontsize=7)
    with atomic_file(path) as partial:
        figure.savefig(partial, format="svg")
    pyplot.close(figure)
