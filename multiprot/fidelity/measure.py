"""From a plan to a card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import torch

from multiprot.embedding import Embedder
from multiprot.errors import FidelityError
from multiprot.evaluation.comparison import Outcome
from multiprot.evaluation.features import ModelReference
from multiprot.evaluation.metrics import metric_named
from multiprot.evaluation.probes import find_probe
from multiprot.evaluation.statistics import BootstrapOptions
from multiprot.fidelity.agreement import agreement
from multiprot.fidelity.card import (
    Agreement,
    FidelityCard,
    ModelFacts,
    ProteinFacts,
    TeacherFidelity,
)
from multiprot.fidelity.facts import library_versions, machine, model_facts
from multiprot.fidelity.plan import FidelityPlan
from multiprot.fidelity.proteins import ProteinSet, content_hash, put_on_disk, read_proteins
from multiprot.fidelity.random_weights import random_like
from multiprot.fidelity.retained import Trio, summed_up, task_lines
from multiprot.fidelity.speed import Contestant, Course, measured_speeds, times_faster
from multiprot.fidelity.tasks import TaskPlan, evaluated
from multiprot.fidelity.vectors import (
    ModelVectors,
    embed_both,
    paired_proteins,
    paired_residues,
)

_ROWS_PER_CHANNEL: Final = 4
"""Rows by which a map is well known, two of them in each half."""

_VECTORS: Final = "proteins"
_RANDOM: Final = "random"


@dataclass(frozen=True, slots=True)
class _Seen:
    """Who a model is, and what it made of the proteins; the model itself is let go."""

    facts: dict[str, Any]
    vectors: ModelVectors
    random: ModelReference | None


def measure_fidelity(plan: FidelityPlan) -> FidelityCard:
    """Measure everything that a card says; vectors and scores that are finished are kept.

    Raises
    ------
    FidelityError
        If there are too few proteins, or a model cannot be compared or timed.
    MultiprotError
        If a model, an input or a task cannot be opened.
    """
    _look_ahead(plan)
    given = read_proteins(plan.proteins, plan.options.max_proteins)
    seen = {model.name: _see(plan, model, given) for model in plan.models}
    agreements = _agreements(plan, seen)
    random = plan.random or seen[plan.student.name].random
    if random is None:
        raise FidelityError(f"{plan.student.target}: has no random weights to be compared with")
    plan.say("speed: models embed in turns")
    course = _course(plan, given)
    speeds = measured_speeds(_contestants(plan), course)
    plan.say("tasks")
    outcome, results = evaluated(
        TaskPlan(
            student=plan.student,
            random=random,
            teachers=plan.teachers,
            tasks=plan.tasks,
            work=plan.work,
            scoring=plan.scoring,
            student_options=plan.options_of(plan.student),
            teacher_options=plan.embedding,
            device=plan.device,
            structures=plan.structures,
            watch=plan.watch,
        ),
        lambda model, task, told: plan.say(f"{model} on {task}: {told}"),
    )
    notes = [*results["notes"], *_failures(outcome)]
    facts = {name: ModelFacts(**each.facts, speed=speeds[name]) for name, each in seen.items()}
    notes += _thin_maps(facts[plan.student.name], agreements)
    teachers = tuple(
        _beside(plan, outcome, facts, (teacher, random), agreements[teacher.name], notes)
        for teacher in plan.teachers
    )
    return _card(plan, _protein_facts(plan, given, course), facts, (random, teachers), notes)


def _look_ahead(plan: FidelityPlan) -> None:
    """What would fail late is to fail before anything is written."""
    for probe in plan.scoring.probes:
        find_probe(probe)
    for metric in plan.scoring.metrics:
        metric_named(metric)
    for model in plan.models:
        Embedder.open(model.target, device=plan.device, options=plan.options_of(model))


def _see(plan: FidelityPlan, model: ModelReference, given: ProteinSet) -> _Seen:
    plan.say(f"{model.name}: embeds {len(given.records):,} proteins")
    embedder = Embedder.open(model.target, device=plan.device, options=plan.options_of(model))
    folder = plan.work / _VECTORS
    corpus = put_on_disk(given.records, folder)
    some = put_on_disk(given.first_residues(plan.options.max_compared_residues), folder)
    vectors = embed_both(embedder, corpus, some, folder, plan.watch)
    drawn = plan.random is None and model == plan.student
    random = random_like(embedder, plan.work / _RANDOM) if drawn else None
    return _Seen(model_facts(embedder, model.name, model.target, vectors), vectors, random)


def _agreements(plan: FidelityPlan, seen: dict[str, _Seen]) -> dict[str, Agreement]:
    plan.say("vectors side by side")
    student = seen[plan.student.name].vectors
    bootstrap = BootstrapOptions(
        resamples=plan.scoring.resamples, confidence=plan.scoring.confidence
    )
    return {
        model.name: agreement(
            paired_proteins(student, seen[model.name].vectors),
            paired_residues(student, seen[model.name].vectors),
            plan.options.neighbours,
            bootstrap,
        )
        for model in plan.teachers
    }


def _contestants(plan: FidelityPlan) -> list[Contestant]:
    return [
        Contestant(name=model.name, target=model.target, options=plan.options_of(model))
        for model in plan.models
    ]


def _course(plan: FidelityPlan, given: ProteinSet) -> Course:
    timed = given.first_residues(plan.options.timed_residues)
    return Course(
        corpus=put_on_disk(timed, plan.work / _VECTORS),
        proteins=len(timed),
        residues=sum(map(len, timed)),
        rounds=plan.options.rounds,
        device=plan.device,
        threads=torch.get_num_threads(),
    )


def _beside(
    plan: FidelityPlan,
    outcome: Outcome,
    facts: dict[str, ModelFacts],
    others: tuple[ModelReference, ModelReference],
    agreed: Agreement,
    notes: list[str],
) -> TeacherFidelity:
    teacher, random = others
    trio = Trio(plan.student.name, teacher.name, random.name)
    lines = task_lines(outcome, trio, plan.options, plan.scoring, notes)
    one, other = facts[plan.student.name], facts[teacher.name]
    return TeacherFidelity(
        model=other,
        agreement=agreed,
        lines=tuple(each.line for each in lines),
        retained=summed_up(lines, plan.scoring.confidence, plan.options),
        times_faster=times_faster(one.speed, other.speed),
        parameter_share=_share(one.parameters, other.parameters),
        memory_share=_share(one.speed.peak_mib, other.speed.peak_mib),
    )


def _share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _thin_maps(student: ModelFacts, agreements: dict[str, Agreement]) -> list[str]:
    """Maps that were fitted on too little to be the best ones."""
    notes = []
    for name, agreed in agreements.items():
        for unit, found in (
            ("protein", agreed.protein_cosine),
            ("residue", agreed.residue_cosine),
        ):
            if found.rows < _ROWS_PER_CHANNEL * student.width:
                notes.append(
                    f"the {unit} cosine to {name} is less than it could be: its map has "
                    f"{student.width} channels and was fitted on {found.rows // 2} {unit}s; give "
                    "more proteins"
                )
    return notes


def _failures(outcome: Outcome) -> list[str]:
    return [
        f"failed: {' on '.join(p for p in (f['model'], f['task']) if p)}: {f['reason']}"
        for f in outcome.failures
    ]


def _protein_facts(plan: FidelityPlan, given: ProteinSet, course: Course) -> ProteinFacts:
    return ProteinFacts(
        inputs=tuple(str(Path(each)) for each in plan.proteins),
        content_hash=content_hash(given.records),
        given=given.given,
        compared=len(given.records),
        residues=given.residues,
        structures=given.structures,
        repeated=given.repeated,
        unread=len(given.unread),
        surplus=given.surplus,
        timed=course.proteins,
        timed_residues=course.residues,
    )


def _card(
    plan: FidelityPlan,
    proteins: ProteinFacts,
    facts: dict[str, ModelFacts],
    others: tuple[ModelReference, tuple[TeacherFidelity, ...]],
    notes: list[str],
) -> FidelityCard:
    random, teachers = others
    shares = [t.retained.share.value if t.retained.share else None for t in teachers]
    known = [share for share in shares if share is not None]
    retained = min(known) if len(known) == len(shares) else None
    bar = plan.options.min_retained
    told: dict[str, Any] = {"name": random.name, "model": random.target}
    if plan.random is None:
        told["model"] = f"the shape of {plan.student.name}, weights as they are drawn"
    return FidelityCard(
        command=plan.command,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine(plan.device),
        versions=library_versions(),
        options=plan.options.model_dump(mode="json"),
        scoring=plan.scoring.model_dump(mode="json"),
        proteins=proteins,
        student=facts[plan.student.name],
        random=told,
        teachers=teachers,
        retained=retained,
        min_retained=bar,
        passed=None if bar is None else retained is not None and retained >= bar,
        notes=tuple(dict.fromkeys(notes)),
    )
