"""Motifs and regions that no database states, derived by rules from binding residues and sequence.

They stand in where a corpus has single binding residues but neither motifs nor regions. Their
kinds begin with "derived_", so that nobody takes them for curated ones.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from multiprot.proteins.features import FeatureSpan
from multiprot.proteins.low_complexity import low_complexity

MOTIF: Final = "derived_motif"
REGION: Final = "derived_region"
DERIVED_KINDS: Final = (MOTIF, REGION)

_LIGANDS: Final = {
    "binding_metal": ("metal", "metal binding"),
    "binding_small": ("small", "small-molecule binding"),
    "binding_nuclear": ("nuclear", "nucleic-acid binding"),
}

_MOTIF_STEP: Final = 5
_MOTIF_LENGTH: Final = 20
_MOTIF_RESIDUES: Final = 2
_REGION_STEP: Final = 25
_REGION_RESIDUES: Final = 3

# Patterns of all residues are rarely shared, those of two are shared by chance.
_NAMED_RESIDUES: Final = 3


def derived_spans(sequence: str, spans: Sequence[FeatureSpan]) -> tuple[FeatureSpan, ...]:
    """Motifs and regions of one protein.

    Binding residues are those of kind `binding_metal`, `binding_small` and `binding_nuclear`, each
    kind on its own:

    - `derived_motif`: at least two binding residues in a row of neighbours at most 5 apart, at most
      20 residues from the first to the last. Its name is the pattern of the first three, "x" for
      what lies between, such as "metal:CxxC" or "small:GxGxxG"; what follows is in the span but not
      in the name.
    - `derived_region`: at least three binding residues in a row of neighbours at most 25 apart,
      from the first to the last. Its name is "metal binding", "small-molecule binding" or
      "nucleic-acid binding", with ", mostly C" if half of them or more are one amino acid.
    - `derived_region`, of the sequence alone: a stretch of `low_complexity`. Its name is "low
      complexity", with ": Q-rich" if a third of it or more is one amino acid.

    An amino acid gives its name only if no other is as frequent.

    Parameters
    ----------
    sequence
        One letter per residue.
    spans
        Spans on it, none beyond its end (as in a `ProteinRecord`).

    Returns
    -------
    tuple of FeatureSpan
        Derived ones only, sorted.
    """
    residues: dict[str, set[int]] = defaultdict(set)
    for span in spans:
        if span.kind in _LIGANDS:
            residues[span.kind].update(range(span.start, span.stop))
    found = list(_low_complexity_regions(sequence))
    for kind, positions in residues.items():
        short, long = _LIGANDS[kind]
        found += _motifs(sequence, positions, short)
        found += _regions(sequence, positions, long)
    return tuple(sorted(found))


def _motifs(sequence: str, positions: Collection[int], ligand: str) -> Iterator[FeatureSpan]:
    for run in _runs(positions, _MOTIF_STEP):
        start, stop = run[0], run[-1] + 1
        if len(run) >= _MOTIF_RESIDUES and stop - start <= _MOTIF_LENGTH:
            named = run[:_NAMED_RESIDUES]
            pattern = "".join(
                sequence[position] if position in named else "x"
                for position in range(start, named[-1] + 1)
            )
            yield FeatureSpan(start, stop, MOTIF, f"{ligand}:{pattern}")


def _regions(sequence: str, positions: Collection[int], name: str) -> Iterator[FeatureSpan]:
    for run in _runs(positions, _REGION_STEP):
        if len(run) >= _REGION_RESIDUES:
            letter = _dominant([sequence[position] for position in run], one_in=2)
            mostly = f", mostly {letter}" if letter else ""
            yield FeatureSpan(run[0], run[-1] + 1, REGION, name + mostly)


def _low_complexity_regions(sequence: str) -> Iterator[FeatureSpan]:
    for start, stop in low_complexity(sequence):
        letter = _dominant(sequence[start:stop], one_in=3)
        rich = f": {letter}-rich" if letter else ""
        yield FeatureSpan(start, stop, REGION, f"low complexity{rich}")


def _runs(positions: Collection[int], step: int) -> Iterator[list[int]]:
    """Sorted positions in rows whose neighbours are at most `step` apart."""
    run: list[int] = []
    for position in sorted(positions):
        if run and position - run[-1] > step:
            yield run
            run = []
        run.append(position)
    if run:
        yield run


def _dominant(letters: Sequence[str], *, one_in: int) -> str | None:
    """The letter that is the only most frequent one and at least one in so many, if any is."""
    (letter, count), *others = Counter(letters).most_common(2)
    alone = all(count > other for _, other in others)
    return letter if alone and count * one_in >= len(letters) else None
