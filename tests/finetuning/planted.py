"""Small tasks whose labels follow from the sequences, so that something can be learnt."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CHARGED = "DEKR"
GREASY = "AILV"
SPLITS = ("train", "train", "train", "valid", "test")


def sequence(rng: np.random.Generator, letters: str, length: int) -> str:
    """Two thirds of the residues from `letters`, the others from both kinds."""
    own = rng.choice(list(letters), size=length)
    any_letter = rng.choice(list(CHARGED + GREASY), size=length)
    return "".join(np.where(rng.random(length) < 2 / 3, own, any_letter))


def charge(text: str) -> float:
    return sum(letter in CHARGED for letter in text) / len(text)


def _protein(rng: np.random.Generator, kind: int) -> list[str]:
    return [sequence(rng, (CHARGED, GREASY)[kind], int(rng.integers(12, 30)))]


def _pair(rng: np.random.Generator, kind: int) -> list[str]:
    """Alike (0) or not (1): no single protein tells."""
    first = int(rng.integers(2))
    return [*_protein(rng, first), *_protein(rng, (first + kind) % 2)]


LABELS: dict[str, Callable[[list[str], int], Any]] = {
    "regression": lambda sequences, kind: 50 + 100 * charge(sequences[0]),
    "binary": lambda sequences, kind: kind,
    "multiclass": lambda sequences, kind: ("charged", "greasy")[kind],
    "multilabel": lambda sequences, kind: ("charged;any", "greasy;any")[kind],
    "residue_binary": lambda s, kind: "".join("1" if c in CHARGED else "0" for c in s[0]),
    "residue_multiclass": lambda s, kind: "".join("C" if c in CHARGED else "G" for c in s[0]),
    "residue_regression": lambda s, kind: " ".join("9" if c in CHARGED else "3" for c in s[0]),
    "residue_multilabel": lambda s, kind: "".join("1" if c in CHARGED else "2" for c in s[0]),
    "pair_binary": lambda sequences, kind: kind,
    "pair_regression": lambda s, kind: charge(s[0]) + charge(s[1]),
    "protein_ligand_binary": lambda sequences, kind: kind,
}

METRICS = {
    "regression": "spearman",
    "binary": "auroc",
    "multiclass": "accuracy",
    "multilabel": "f1_macro",
}


def write_task(
    folder: Path, task_type: str, *, entries: int = 60, valid: bool = True, **keys: Any
) -> Path:
    """A task folder; `keys` go into task.json."""
    rng = np.random.default_rng(7)
    folder.mkdir(parents=True)
    target = task_type.rsplit("_", 1)[-1]
    told = {"name": folder.name, "task_type": task_type, "primary_metric": METRICS[target]}
    if task_type == "residue_regression":
        told["label_separator"] = " "
    (folder / "task.json").write_text(json.dumps(told | keys))
    pair, ligand = task_type.startswith("pair"), task_type.startswith("protein_ligand")
    columns = ["sequence_a", "sequence_b"] if pair else ["sequence"]
    with (folder / "data.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", *columns, *(["smiles"] if ligand else []), "target", "split"])
        for row in range(entries):
            # Half of each split is of either kind.
            kind = row // len(SPLITS) % 2
            made = _pair(rng, kind) if pair else _protein(rng, kind)
            smiles = [("CCO", "c1ccccc1")[kind]] if ligand else []
            split = SPLITS[row % len(SPLITS)]
            split = split if valid or split != "valid" else "train"
            table.writerow([f"e{row}", *made, *smiles, LABELS[task_type](made, kind), split])
    return folder
