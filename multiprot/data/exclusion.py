"""Proteins to leave out of a corpus because a downstream test set holds their like."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from multiprot.data.corpus_format import SPLITS
from multiprot.data.tables import read_table
from multiprot.errors import DataError
from multiprot.files import sha256

UNASSIGNED: Final = "unassigned"
"""Where a left-out protein is counted that has no split (yet)."""


@dataclass(slots=True, kw_only=True)
class Exclusion:
    """An exclusion list, narrowed to tasks, and the account of what it left out.

    Attributes
    ----------
    path, content_hash
        The file and its SHA-256.
    tasks
        Tasks it was narrowed to, sorted; all of the file's where none was chosen.
    narrowed
        Whether tasks were chosen.
    of_protein
        Protein id -> its tasks among `tasks`.
    left_out
        Split -> proteins left out so far.
    left_out_by_task
        Task -> proteins left out so far; one protein may count for several tasks.
    """

    path: Path
    content_hash: str
    tasks: tuple[str, ...]
    narrowed: bool
    of_protein: Mapping[str, tuple[str, ...]]
    left_out: Counter[str] = field(default_factory=Counter)
    left_out_by_task: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, path: Path, tasks: Sequence[str] = ()) -> Self:
        """Read a TSV with protein_id and task; further columns are not used.

        Parameters
        ----------
        path
            Plain, gzip or xz.
        tasks
            Use only the rows of these; empty: all rows.

        Raises
        ------
        FileFormatError
            If the file cannot be read.
        DataError
            If a task does not occur in it, naming the nearest that does.
        """
        pairs = {(row["protein_id"], row["task"]) for row in read_table(path, _COLUMNS)}
        listed = {task for _, task in pairs}
        for task in tasks:
            if task not in listed:
                nearest = difflib.get_close_matches(task, listed, n=1, cutoff=0.0)[0]
                raise DataError(
                    f"{path}: no task {task!r}; did you mean {nearest!r}? "
                    f"Listed: {', '.join(sorted(listed))}"
                )
        chosen = set(tasks) or listed
        of_protein: dict[str, tuple[str, ...]] = {}
        for protein, task in sorted(pairs):
            if task in chosen:
                of_protein[protein] = (*of_protein.get(protein, ()), task)
        return cls(
            path=path,
            content_hash=sha256(path),
            tasks=tuple(sorted(chosen)),
            narrowed=bool(tasks),
            of_protein=of_protein,
        )

    def leaves_out(self, protein: str, split: str | None) -> tuple[str, ...]:
        """The tasks because of which a protein is left out, counted; empty if it may stay."""
        tasks = self.of_protein.get(protein, ())
        if tasks:
            self.left_out[split or UNASSIGNED] += 1
            self.left_out_by_task.update(tasks)
        return tasks

    def summary(self) -> dict[str, Any]:
        """What the manifest records, so that a bundle can repeat it."""
        return {
            "file": self.path.name,
            "sha256": self.content_hash,
            "tasks": list(self.tasks),
            "narrowed": self.narrowed,
            "listed": len(self.of_protein),
            "left_out": {split: self.left_out[split] for split in (*SPLITS, UNASSIGNED)},
            "left_out_by_task": {task: self.left_out_by_task[task] for task in self.tasks},
        }


_COLUMNS: Final = ("protein_id", "task")
