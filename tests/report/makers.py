"""Folders to report on, made in a moment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot.embedding.embeddings import Embeddings
from multiprot.embedding.store_writer import write_store

NASTY = "<script>alert(1)</script>"
"""What must show as text wherever it stands."""


def store(path: Path, vectors: NDArray[np.floating], ids: Sequence[str] | None = None) -> Path:
    """An embedding store of these vectors."""
    number, width = vectors.shape
    rows = Embeddings(
        ids=tuple(ids or (f"P{row:05d}" for row in range(number))),
        lengths=np.arange(50, 50 + number),
        vectors=vectors.astype(np.float32),
        modalities=(("sequence",),) * number,
        windows=np.ones(number, dtype=np.int32),
        sequence_hashes=tuple(f"SQ.{row}" for row in range(number)),
    )
    write_store(path, [rows], {"model": {"name": "made up"}}, width=width)
    return path


def islands(
    proteins: int, *, groups: int = 4, width: int = 8, seed: int = 0
) -> NDArray[np.float32]:
    """Vectors in `groups` clear groups; row i is of group i % groups."""
    rng = np.random.default_rng(seed)
    centres = 4 * rng.standard_normal((groups, width))
    noise = 0.3 * rng.standard_normal((proteins, width))
    return (centres[np.arange(proteins) % groups] + noise).astype(np.float32)


def score(task: str, model: str, value: float | None, **given: Any) -> dict[str, Any]:
    """A row of results.json."""
    defined = value is not None
    return {
        "task": task,
        "split": "test",
        "model": model,
        "probe": "linear",
        "metric": "accuracy",
        "primary": True,
        "value": value,
        "low": value - 0.05 if value is not None else None,
        "high": value + 0.04 if value is not None else None,
        "seeds": 1,
        "standard_deviation": None,
        "rows": 100 if defined else 0,
        "exposure": "clean",
    } | given


def evaluation(folder: Path, scores: Sequence[dict[str, Any]], **more: Any) -> Path:
    """A folder as `multiprot evaluate` leaves it, without cells."""
    tasks = {
        row["task"]: {"task_type": "multiclass", "primary_metric": row["metric"]} for row in scores
    }
    results = {"options": {"confidence": 0.9}, "tasks": tasks, "scores": list(scores), **more}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results))
    return folder


def cell(folder: Path, name: str, **values: Any) -> None:
    """A cell.json of an evaluation."""
    place = folder / "cells" / name
    place.mkdir(parents=True)
    (place / "cell.json").write_text(json.dumps(values))


def pair(measure: str, source: str, target: str, value: float | None, **more: Any) -> Any:
    """A row of transfer.json."""
    return {
        "measure": measure,
        "source": source,
        "target": target,
        "value": value,
        "low": None if value is None else value - 0.1,
        "high": None if value is None else value + 0.1,
        "warnings": [],
        "problem": None if value is not None else "no labels",
    } | more


def transfer(folder: Path, pairs: Sequence[Any], verb: str = "matrix", **more: Any) -> Path:
    """A folder as `multiprot transfer` leaves it."""
    told = {"format": "multiprot-transfer", "verb": verb, "model": "tiny", "pairs": list(pairs)}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "transfer.json").write_text(json.dumps({"options": {}, "names": [], **told, **more}))
    return folder


def run(folder: Path, *, finished: bool = True) -> Path:
    """A folder as `multiprot pretrain` leaves it, logs only."""
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "train.csv").write_text("step,loss,learning_rate\n1,3.0,0.1\n2,2.5,\n")
    (folder / "logs" / "valid.csv").write_text(
        "step,loss,go/accuracy,go/baseline_accuracy\n0,3.1,0.1,0.2\n2,2.4,0.5,0.2\n"
    )
    (folder / "logs" / "timing.csv").write_text("step,residues_per_second\n1,100\n2,120\n")
    if finished:
        rows = [{"name": "loss", "start": 3.1, "end": 2.4, "baseline": None}]
        results = {"steps": 2, "seconds": 61.5, "parameters": 1234, "rows": rows}
        (folder / "results.json").write_text(json.dumps(results))
    return folder
