"""How many of a task's proteins have a structure, for results and for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.structures.library import StructureLibrary
from multiprot.evaluation.tasks import Task


def structure_report(
    library: StructureLibrary, task: Task, parts: Mapping[str, NDArray[np.int64]]
) -> dict[str, Any]:
    """Plain values; the library has looked for the task's sequences.

    Parameters
    ----------
    library
        Structures.
    task
        The task.
    parts
        Name -> int64 [entry].

    Returns
    -------
    dict
        Of the folder: files, chains, unreadable files and why the first of them is. Of the task's
        different sequences: how many there are, have a chain of the same sequence, one that is
        similar, or none. And of each part: entries, and those of which no protein has a structure.
    """
    entries = np.unique(np.concatenate([*parts.values(), np.zeros(0, np.int64)]).astype(np.int64))
    sequences = dict.fromkeys(column[row] for column in task.sequences for row in entries)
    found = [match for match in map(library.get, sequences) if match is not None]
    same = sum(match.same for match in found)
    unreadable = library.chains.unreadable
    return {
        "folder": str(library.folder),
        "files": library.chains.files,
        "chains": library.chains.chains,
        "unreadable": len(unreadable),
        "first_unreadable": unreadable[0] if unreadable else None,
        "sequences": len(sequences),
        "same": same,
        "similar": len(found) - same,
        "without": len(sequences) - len(found),
        "parts": {
            name: {"entries": len(rows), "without": without_structure(library, task, rows)}
            for name, rows in parts.items()
        },
    }


def structure_text(report: Mapping[str, Any]) -> str:
    """The same in a sentence or two."""
    parts = ", ".join(
        f"{name} {told['entries'] - told['without']:,} of {told['entries']:,}"
        for name, told in report["parts"].items()
    )
    text = (
        f"structures: {report['same'] + report['similar']:,} of {report['sequences']:,} sequences "
        f"have one ({report['same']:,} the same, {report['similar']:,} similar), "
        f"{report['without']:,} have none; entries with one: {parts}"
    )
    if report["unreadable"]:
        text += (
            f"; {report['unreadable']:,} files cannot be read, first {report['first_unreadable']}"
        )
    return text


def without_structure(library: StructureLibrary, task: Task, entries: NDArray[np.int64]) -> int:
    """How many of the entries have no structure of any of their proteins."""
    columns = task.sequences
    return sum(all(library.get(column[row]) is None for column in columns) for row in entries)
