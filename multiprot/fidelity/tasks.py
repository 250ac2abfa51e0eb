"""Student, random weights and teachers on downstream tasks: one evaluation, kept cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from multiprot.embedding import EmbedOptions
from multiprot.embedding.progress import Watch
from multiprot.evaluation.comparison import Outcome, Plan, run_cells, write_results
from multiprot.evaluation.comparison.run import OnCell
from multiprot.evaluation.features import ModelReference
from multiprot.evaluation.structures import StructureOptions
from multiprot.fidelity.options import FidelityScoring

EVALUATION: Final = "evaluation"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPlan:
    """What is scored on which tasks.

    Attributes
    ----------
    student, random
        They see sequences alone.
    teachers
        They see structures too, where there are any and they can.
    tasks
        Task folders.
    work
        Folder that keeps vectors and finished scores.
    scoring
        How models are scored.
    precision, device
        How and where they compute.
    structures
        Of the tasks' proteins.
    """

    student: ModelReference
    random: ModelReference
    teachers: Sequence[ModelReference]
    tasks: Sequence[Path]
    work: Path
    scoring: FidelityScoring
    student_options: EmbedOptions
    teacher_options: EmbedOptions
    device: str
    structures: StructureOptions
    watch: Watch


def evaluated(plan: TaskPlan, on_cell: OnCell) -> tuple[Outcome, dict[str, Any]]:
    """All models on all tasks, and what results.json says of it; what is finished is kept.

    Raises
    ------
    EvaluationError
        As `run_cells`.
    """
    pupils = _run(plan, (plan.student, plan.random), plan.student_options, on_cell)
    teachers = _run(plan, plan.teachers, plan.teacher_options, on_cell)
    outcome = _together(pupils, teachers)
    return outcome, write_results(outcome, plan.scoring, plan.work / EVALUATION)


def _run(
    plan: TaskPlan, models: Sequence[ModelReference], embedding: EmbedOptions, on_cell: OnCell
) -> Outcome:
    one = Plan(
        models=models,
        tasks=plan.tasks,
        out=plan.work / EVALUATION,
        cache=plan.work / "vectors",
        options=plan.scoring,
        embedding=embedding,
        device=plan.device,
        watch=plan.watch,
        structures=plan.structures,
    )
    return run_cells(one, resume=True, on_cell=on_cell)


def _together(first: Outcome, second: Outcome) -> Outcome:
    failures = [*first.failures, *(f for f in second.failures if f not in first.failures)]
    return Outcome(
        cells=first.cells + second.cells,
        folders=first.folders | second.folders,
        tasks=first.tasks | second.tasks,
        exposures=first.exposures | second.exposures,
        failures=failures,
        kept=first.kept + second.kept,
        corpora=first.corpora | second.corpora,
        notes=list(dict.fromkeys(first.notes + second.notes)),
        structures=first.structures | second.structures,
    )
