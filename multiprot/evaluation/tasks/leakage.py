"""Test entries that a model could have learnt by heart."""

from __future__ import annotations

from collections.abc import Iterator

from multiprot.data.mmseqs import WHERE_FROM, has_mmseqs, similar_sequences
from multiprot.evaluation.tasks.findings import Finding, Severity
from multiprot.evaluation.tasks.task import TRAIN, Task


def leakage(task: Task, *, identity: float | None, threads: int) -> Iterator[Finding]:
    """Test entries and proteins that training has too.

    Parameters
    ----------
    task
        Every test split is looked at.
    identity
        Sequence identity from which on proteins count as similar, over half of the shorter one,
        by mmseqs2; None: identical ones only.
    threads
        For mmseqs2.
    """
    known = set(_entries(task, TRAIN))
    proteins = task.proteins(TRAIN)
    for split in task.test_splits:
        tested = _entries(task, split)
        shared = sum(entry in known for entry in tested)
        if shared:
            yield _warning(
                "identical-sequences",
                f"{shared:,} of {len(tested):,} entries of {split} are in {TRAIN}, too",
            )
        again = task.proteins(split) & proteins
        if again and (len(task.sequences) > 1 or task.ligands):
            yield _warning(
                "identical-sequences",
                f"{len(again):,} of {len(task.proteins(split)):,} proteins of {split} are in "
                f"{TRAIN}, in other entries",
            )
        if identity is not None:
            yield from _similar(task, split, identity, threads)


def _similar(task: Task, split: str, identity: float, threads: int) -> Iterator[Finding]:
    if not has_mmseqs():
        yield Finding(
            Severity.NOTE,
            "not-checked",
            f"similar sequences were not looked for: mmseqs2 is not installed ({WHERE_FROM})",
        )
        return
    train = task.proteins(TRAIN)
    tested = sorted(task.proteins(split) - train)
    found = similar_sequences(tested, sorted(train), identity, threads=threads) if tested else {}
    if found:
        yield _warning(
            "similar-sequences",
            f"{len(found):,} of {len(tested):,} further proteins of {split} are at least "
            f"{identity:.0%} identical to one in {TRAIN}",
        )


def _entries(task: Task, split: str) -> list[frozenset[str]]:
    """What each entry of a split is about; the order of a pair does not matter."""
    return [
        frozenset([*(column[row] for column in task.sequences), *task.ligands[row : row + 1]])
        for row in task.entries(split)
    ]


def _warning(kind: str, message: str) -> Finding:
    return Finding(Severity.WARNING, kind, message)
