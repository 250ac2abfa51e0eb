"""Pictures of one protein: its distances and backbone angles, true and guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import rcParams
from matplotlib.figure import Figure

from benchmarks.steps_geometry.guesses import Guesses


def draw(guesses: Guesses, width: float, nearest: float, path: Path) -> None:
    """Write a picture: distances (true below the diagonal, guessed above) and a Ramachandran plot.

    Parameters
    ----------
    guesses
        Of the protein.
    width
        Of a bin, Å.
    nearest
        Å. Nearer pairs are given away, and grey above the diagonal.
    path
        Where to; the suffix says the form.
    """
    rcParams["svg.hashsalt"] = guesses.id
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    middles = (np.arange(guesses.log_shares.shape[2]) + 0.5) * width
    expected = (np.exp(guesses.log_shares) * middles).sum(axis=2)
    upper = np.triu(np.ones_like(guesses.distances, dtype=bool), 1)
    shown = np.where(upper, expected, guesses.distances)
    shown = np.ma.masked_where(upper & (guesses.distances < nearest), shown)
    image = left.imshow(shown, cmap="viridis", vmin=0, vmax=guesses.distances.max())
    left.set_facecolor("lightgrey")
    left.set(title=f"{guesses.id}: CA distances", xlabel="residue", ylabel="residue")
    left.text(0.97, 0.9, "guessed", transform=left.transAxes, ha="right", color="white")
    left.text(0.03, 0.05, "true", transform=left.transAxes, color="white")
    figure.colorbar(image, ax=left, label="Å")
    both = guesses.hidden[:, 0] & guesses.hidden[:, 1]
    truth = np.rad2deg(guesses.angles[both, :2])
    vectors = guesses.vectors[both, :2]
    told = np.rad2deg(np.arctan2(vectors[..., 1], vectors[..., 0]))
    for (phi, psi), (own_phi, own_psi) in zip(truth, told, strict=True):
        if abs(phi - own_phi) < 180 and abs(psi - own_psi) < 180:
            right.plot([phi, own_phi], [psi, own_psi], color="lightgrey", linewidth=0.8, zorder=1)
    right.scatter(*truth.T, s=22, label="true", zorder=2)
    right.scatter(*told.T, s=22, marker="x", label="guessed", zorder=3)
    right.set(xlim=(-180, 180), ylim=(-180, 180), xlabel="φ / °", ylabel="ψ / °", aspect="equal")
    right.set(title=f"{len(truth)} residues whose angles were hidden")
    right.legend(loc="upper right")
    # Without a date: the same guesses give the same file.
    figure.savefig(path, dpi=80, metadata={"Date": None} if path.suffix == ".svg" else None)
