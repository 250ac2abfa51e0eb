"""Students in a blink, and a task that only one of them can do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from multiprot.embedding import Embedder
from multiprot.proteins import ProteinRecord
from multiprot.student.checkpoint import StudentSettings, save_student
from multiprot.student.config import StudentConfig
from multiprot.student.model import Student
from tests.evaluation.tasks.folders import Row, proteins, write_task

ENTRIES = 240
LETTERS = "ACDEFGHIKLMNPQRSTVWY"


def tiny_student(folder: Path, *, seed: int = 0, width: int = 64) -> str:
    """A student with random weights, as `multiprot embed --model` takes it."""
    torch.manual_seed(seed)
    student = Student(StudentConfig(width=width, layers=1))
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    provenance = {"name": folder.name, "licence": "CC0-1.0", "corpus": {"content_hash": "c0ffee"}}
    save_student(folder, student, StudentSettings(student.config, None, provenance), card="# it")
    return f"student:{folder}"


def fasta(path: Path, count: int = 40, length: int = 24) -> str:
    """Proteins of random letters."""
    drawn = np.random.default_rng(5)
    rows = (f">r{n}\n{''.join(drawn.choice(list(LETTERS), length))}\n" for n in range(count))
    path.write_text("".join(rows))
    return str(path)


def planted_task(folder: Path, model: str) -> Path:
    """A regression whose target is what a model's vectors hold beyond the letters' shares."""
    rows: list[Row] = proteins(ENTRIES)
    records = [ProteinRecord(id=row["id"], sequence=row["sequence"]) for row in rows]
    vectors = Embedder.open(model).embed(records).vectors.astype(np.float64)
    shares = np.array([[row["sequence"].count(letter) for letter in LETTERS] for row in rows])
    beyond = vectors - shares @ np.linalg.lstsq(shares, vectors, rcond=None)[0]
    target = np.linalg.svd(beyond - beyond.mean(axis=0), full_matrices=False)[0][:, 0]
    told = zip(rows, target, strict=True)
    return write_task(folder, [row | {"target": f"{value:.6f}"} for row, value in told])
