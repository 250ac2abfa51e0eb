"""Everything that takes turns: embedding, and steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import torch
from torch.nn import functional

from benchmarks.massa_training.rounds import RELEASED
from benchmarks.mtdp_training.ours import (
    OurStep,
    built,
    copy_weights,
    embedder,
    random_teachings,
    recipe,
)
from benchmarks.mtdp_training.plain import (
    PlainShape,
    PlainStudent,
    PlainTrainer,
    embed_as_released,
    embed_sorted,
)
from multiprot.encoders.plugin import Precision
from multiprot.proteins import ProteinRecord

FAIR: Final = "plain, by length, SDPA, fp32"
FAIR_MIXED: Final = "plain, by length, SDPA, bf16"
OURS: Final = "multiprot, same T5, fp32"
OURS_MIXED: Final = "multiprot, same T5, bf16"
WHOLE_MIXED: Final = "multiprot, same T5, bf16, whole recipe"
STUDENT: Final = "multiprot, own student, fp32"
STUDENT_MIXED: Final = "multiprot, own student, bf16"

Tasks = dict[str, Callable[[], object]]


def plain_student(shape: PlainShape, attention: str) -> PlainStudent:
    """With the weights that `built` draws for ours."""
    plain = PlainStudent(shape, attention)
    copy_weights(built(recipe(shape)), plain)
    return plain


def embedding_tasks(
    shape: PlainShape, preset: str, records: Sequence[ProteinRecord], scratch: Path
) -> Tasks:
    """Variant -> vectors of every protein.

    Parameters
    ----------
    shape
        Of the T5 encoder.
    preset
        Of our own student.
    records
        Proteins.
    scratch
        Folder for saved models.
    """
    sequences = [record.sequence for record in records]
    released = plain_student(shape, "eager").eval()
    fair = plain_student(shape, "sdpa").eval()
    rounded = plain_student(shape, "sdpa").eval().bfloat16()
    tasks: Tasks = {
        RELEASED: lambda: embed_as_released(released, sequences),
        FAIR: lambda: embed_sorted(fair, sequences),
        FAIR_MIXED: lambda: embed_sorted(rounded, sequences),
    }
    for name, student, precision in _OURS:
        tasks[name] = _embedding(
            shape, preset if student else None, records, scratch, precision=precision
        )
    return tasks


_OURS: Final[tuple[tuple[str, bool, Precision], ...]] = (
    (OURS, False, "fp32"),
    (OURS_MIXED, False, "bf16"),
    (STUDENT, True, "fp32"),
    (STUDENT_MIXED, True, "bf16"),
)


def _embedding(
    shape: PlainShape,
    student: str | None,
    records: Sequence[ProteinRecord],
    scratch: Path,
    *,
    precision: Precision,
) -> Callable[[], object]:
    config = recipe(shape, student=student)
    mine = embedder(config, built(config), scratch / (student or "t5"), precision)
    return lambda: mine.embed(records).vectors


def step_tasks(
    shape: PlainShape, preset: str, records: Sequence[ProteinRecord], tokens: int
) -> Tasks:
    """Variant -> one optimizer step on every protein.

    Parameters
    ----------
    shape
        Of the T5 encoder.
    preset
        Of our own student.
    records
        Proteins.
    tokens
        Residues of a batch of ours.
    """
    sequences = [record.sequence for record in records]
    taught = random_teachings(len(records))
    lists = [vectors.tolist() for vectors in taught]
    released = PlainTrainer(plain_student(shape, "eager"), sequences, lists, by_length=False)
    fair = PlainTrainer(plain_student(shape, "sdpa"), sequences, lists, by_length=True)

    def ours(*, whole: bool = False, student: str | None = None) -> OurStep:
        config = recipe(shape, whole=whole, student=student)
        return OurStep(config, built(config), records, taught, tokens)

    t5, everything, own = ours(), ours(whole=True), ours(student=preset)
    return {
        RELEASED: lambda: released.learn(mixed=False),
        FAIR: lambda: fair.learn(mixed=False),
        FAIR_MIXED: lambda: fair.learn(mixed=True),
        OURS: lambda: t5.learn(mixed=False),
        OURS_MIXED: lambda: t5.learn(mixed=True),
        WHOLE_MIXED: lambda: everything.learn(mixed=True),
        STUDENT: lambda: own.learn(mixed=False),
        STUDENT_MIXED: lambda: own.learn(mixed=True),
    }


def agreement(tasks: Tasks) -> dict[str, float]:
    """Smallest cosine of our fp32 vectors with the rival's that count residues alone, and theirs.

    The second is what counting padding does to a vector.
    """
    ours, fair, released = (torch.as_tensor(tasks[name]()) for name in (OURS, FAIR, RELEASED))
    return {
        "ours_and_plain_by_length": _smallest_cosine(ours, fair),
        "ours_and_plain_as_released": _smallest_cosine(ours, released),
    }


def _smallest_cosine(first: torch.Tensor, second: torch.Tensor) -> float:
    return round(float(functional.cosine_similarity(first, second, dim=1).min()), 6)
