"""What is retained against how fast the model is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot

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
    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for name, (speed, share) in points.items():
        axes.plot(speed, 100 * share, "o")
        axes.annotate(
            name, (speed, 100 * share), xytext=(5, 3), textcoords="offset points", fontsize=7
        )
    axes.axhline(100, color="0.7", linewidth=0.8)
    axes.axhline(0, color="0.7", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("residues per second")
    axes.set_ylabel("of the teacher's gain over random weights retained, %")
    with atomic_file(path) as partial:
        figure.savefig(partial, format="svg")
    pyplot.close(figure)
