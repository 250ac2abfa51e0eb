"""Proteins that a model must not train on if it is to be judged by a task."""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from multiprot.data.mmseqs import WHERE_FROM, has_mmseqs, similar_sequences
from multiprot.errors import EvaluationError
from multiprot.evaluation.tasks.task import Task
from multiprot.files import atomic_file

SAME: Final = 1.0
_COLUMNS: Final = ("protein_id", "task", "identity")


class Resemblance(NamedTuple):
    """A protein that resembles a test protein of a task.

    Attributes
    ----------
    protein
        Its id.
    task
        Name of the task.
    identity
        Share of equal residues in the best alignment with a test protein, at most 1.
    """

    protein: str
    task: str
    identity: float


def screen(
    proteins: Mapping[str, str], tasks: Sequence[Task], *, identity: float, threads: int
) -> list[Resemblance]:
    """Proteins that are, or resemble, a test protein; sorted by task, then by protein.

    Parameters
    ----------
    proteins
        Id -> sequence.
    tasks
        All their test parts count, and all proteins of an entry.
    identity
        Least sequence identity, over at least half of the shorter sequence, by mmseqs2; 1: the same
        sequence, without mmseqs2.
    threads
        For mmseqs2.

    Raises
    ------
    EvaluationError
        If mmseqs2 is needed and not installed.
    DataError
        If mmseqs2 fails.
    """
    if identity < SAME and not has_mmseqs():
        raise EvaluationError(
            f"proteins of {identity:g} sequence identity are found by mmseqs2, which is not "
            f"installed; install it ({WHERE_FROM}), or look for equal sequences with --identity 1"
        )
    holders: dict[str, list[str]] = defaultdict(list)
    for protein, sequence in proteins.items():
        holders[sequence].append(protein)
    found = []
    for task in sorted(tasks, key=lambda each: each.name):
        for sequence, share in _resembling(list(holders), task, identity, threads).items():
            found += [Resemblance(protein, task.name, share) for protein in holders[sequence]]
    return sorted(found, key=lambda each: (each.task, each.protein))


def write_exclusion(found: Iterable[Resemblance], path: Path) -> None:
    """Write the table that `multiprot data build --exclude` reads; gzip where the name ends so."""
    lines = [_COLUMNS, *((each.protein, each.task, f"{each.identity:.3f}") for each in found)]
    text = "".join("\t".join(line) + "\n" for line in lines).encode()
    with atomic_file(path) as partial:
        # Without a time: the same proteins give the same file.
        partial.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def _resembling(
    sequences: Sequence[str], task: Task, identity: float, threads: int
) -> dict[str, float]:
    """Sequence -> identity with a test protein of the task."""
    tested = task.proteins(*task.test_splits)
    # Of peptides that are too short for a search the same ones are found all the same.
    found = {sequence: SAME for sequence in sequences if sequence in tested}
    others = [sequence for sequence in sequences if sequence not in found]
    if identity < SAME and tested and others:
        hits = similar_sequences(others, sorted(tested), identity, threads=threads)
        found |= {others[number]: share for number, share in hits.items()}
    return found
