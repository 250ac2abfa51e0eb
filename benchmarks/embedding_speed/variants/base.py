"""What every variant offers, and what several share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = tuple[list[str], NDArray[np.float32]]
"""Names of proteins, and their vectors [protein, channel]."""


class Variant(ABC):
    """One way from a FASTA file to mean-pooled vectors on disk.

    Attributes
    ----------
    precision
        "fp32" or "bf16".
    settings
        What was chosen for this machine, for the report.
    """

    def __init__(self, precision: str) -> None:
        self.precision = precision
        self.settings: dict[str, Any] = {}

    @abstractmethod
    def load(self, checkpoint: Path, device: str) -> None:
        """Make the model ready on `device`; its time is reported apart."""

    def tune(self, fasta: Path, scratch: Path) -> None:  # noqa: B027  most have nothing to choose
        """Choose what its users would choose for this machine; is not timed."""

    @abstractmethod
    def run(self, fasta: Path, out: Path) -> None:
        """Embed all proteins of `fasta` into `out`, which is not there yet."""

    @abstractmethod
    def read(self, out: Path) -> Vectors:
        """What `run` has written."""


def read_fasta(path: Path) -> tuple[list[str], list[str]]:
    """Names and sequences, in a few lines, as a script would."""
    names, sequences = list[str](), list[str]()
    for block in path.read_text().split(">")[1:]:
        header, *lines = block.splitlines()
        names.append(header.split()[0])
        sequences.append("".join(lines))
    return names, sequences


def budgeted(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Positions in `lengths` in batches of similar length, of at most `tokens` with padding."""
    batches: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= tokens:
            batches[-1].append(position)
        else:
            batches.append([position])
    return batches
