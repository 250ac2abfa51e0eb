"""A task whose labels follow from structures alone, and the structures in a folder beside it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from multiprot.proteins import ProteinRecord
from multiprot.proteins.structure_writer import write_structure
from multiprot.testing.records import protein
from tests.finetuning.planted import SPLITS


def write_shapes(folder: Path, *, entries: int = 60, without: int = 0) -> tuple[Path, Path]:
    """A task of helices (1) and other chains (0), of any letters, and its structures.

    Files are named by numbers that say nothing; the last `without` entries have none.
    """
    rng = np.random.default_rng(11)
    task, structures = folder / "shapes", folder / "structures"
    task.mkdir(parents=True)
    structures.mkdir()
    told = {"name": "shapes", "task_type": "binary", "primary_metric": "accuracy"}
    (task / "task.json").write_text(json.dumps(told))
    names = rng.permutation(entries)
    with (task / "data.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "sequence", "target", "split"])
        for row in range(entries):
            kind = row // len(SPLITS) % 2
            record = shape(rng, f"file{names[row]}", kind)
            table.writerow([f"e{row}", record.sequence, kind, SPLITS[row % len(SPLITS)]])
            if row < entries - without:
                write_structure(record, structures / f"{record.id}.cif")
    return task, structures


def shape(rng: np.random.Generator, name: str, kind: int) -> ProteinRecord:
    """A helix, or a chain that is not one."""
    return protein(rng, name, int(rng.integers(14, 26)), helix=bool(kind))
