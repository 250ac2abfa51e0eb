"""The proteins that everybody embeds: a pinned draw of real ones, or generated ones like them.

Only the 20 standard letters, and at most 1,022 residues: beyond that the rivals cut, and read other
letters each in their own way, so that they would do other work than asked.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = Path("data/sequences/sequences.fasta.xz")
LETTERS: Final = "ACDEFGHIKLMNPQRSTVWY"
LONGEST: Final = 1022
SHORTEST: Final = 30

# Measured on that file: of its 277,751 proteins 272,996 have standard letters only. Lengths up to
# 1,022: mean 302.7; 5, 25, 50, 75 and 95 of 100 are below 67, 140, 250, 408 and 752. Generated ones
# (log-normal, drawn again outside of the limits): mean 303.7; 67, 143, 244, 410 and 755.
_LOG_MEAN: Final = 5.54
_LOG_DEVIATION: Final = 0.82
# Of 10,000 residues of the file, in the order of `LETTERS`.
_FREQUENCIES: Final = (
    *(806, 136, 556, 641, 400, 646, 225, 565, 577, 961),
    *(220, 466, 476, 396, 552, 737, 558, 648, 122, 312),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """Proteins of different sequence.

    Attributes
    ----------
    source
        Where they come from.
    proteins
        Name and sequence of each.
    """

    source: str
    proteins: tuple[tuple[str, str], ...]

    @property
    def residues(self) -> int:
        """Residues in all."""
        return sum(len(sequence) for _, sequence in self.proteins)

    def write(self, path: Path) -> Path:
        """A FASTA file of them.

        Each sequence stands on one line: of several, biotrainer 1.4.0 keeps the last alone.
        """
        path.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in self.proteins))
        return path

    def to_json(self) -> dict[str, Any]:
        """What tells whether two runs had the same sample."""
        joined = "\n".join(f"{name} {sequence}" for name, sequence in self.proteins)
        return {
            "source": self.source,
            "proteins": len(self.proteins),
            "residues": self.residues,
            "longest": max(len(sequence) for _, sequence in self.proteins),
            "sha256": hashlib.sha256(joined.encode()).hexdigest(),
        }


def shared_file() -> Path | None:
    """The file of real proteins, or None where there is none."""
    beside = Path(__file__).parents[2].parent / "shared"
    path = Path(os.environ.get("MULTIPROT_SHARED", beside)) / FILE
    return path if path.is_file() else None


def draw_sample(count: int, seed: int, path: Path | None) -> Sample:
    """`count` proteins, the same for the same seed: of the file, or generated where it is None.

    Raises
    ------
    ValueError
        If the file has fewer.
    """
    numbers = random.Random(seed)
    if path is None:
        return Sample("generated", _generated(count, numbers))
    proteins = [protein for protein in _read(path) if _comparable(protein[1])]
    if count > len(proteins):
        raise ValueError(f"{path} has {len(proteins)} such proteins, not {count}; ask for fewer")
    return Sample(str(FILE), tuple(numbers.sample(proteins, count)))


def _generated(count: int, numbers: random.Random) -> tuple[tuple[str, str], ...]:
    return tuple(
        (
            f"generated{number:07}",
            "".join(numbers.choices(LETTERS, weights=_FREQUENCIES, k=_length(numbers))),
        )
        for number in range(count)
    )


def _length(numbers: random.Random) -> int:
    while True:
        length = round(numbers.lognormvariate(_LOG_MEAN, _LOG_DEVIATION))
        if SHORTEST <= length <= LONGEST:
            return length


def _comparable(sequence: str) -> bool:
    return SHORTEST <= len(sequence) <= LONGEST and set(sequence) <= set(LETTERS)


def _read(path: Path) -> Iterator[tuple[str, str]]:
    name, lines = "", list[str]()
    with lzma.open(path, "rt") as file:
        for line in file:
            if line.startswith(">"):
                if name:
                    yield name, "".join(lines)
                name, lines = line[1:].split()[0].replace("/", "_"), []
            else:
                lines.append(line.strip())
    yield name, "".join(lines)
