"""What a student retains of a teacher's gain over random weights, task by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError, FidelityError
from multiprot.evaluation.comparison import Outcome
from multiprot.evaluation.comparison.predictions import Predictions, predictions_name
from multiprot.evaluation.comparison.scoring import Scoring, scoring_of
from multiprot.evaluation.statistics import BootstrapOptions
from multiprot.fidelity.card import Measured, Retained, TaskLine
from multiprot.fidelity.draws import Drawn, combined, drawn_scores, mean_of
from multiprot.fidelity.options import FidelityOptions, FidelityScoring

COUNTED: Final = "counts"
NOT_COUNTED: Final = "left out by --not-counted"
NO_GAIN: Final = "the teacher is not clearly better than random weights"


@dataclass(frozen=True, slots=True)
class Trio:
    """Names of the models whose scores are put beside each other."""

    student: str
    teacher: str
    random: str


@dataclass(frozen=True, slots=True, eq=False)
class ScoredLine:
    """A line of the card with the draws behind its share."""

    line: TaskLine
    retained: Drawn | None


def retained_share(
    student: NDArray[np.float64], teacher: NDArray[np.float64], random: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(student - random) / (teacher - random), whether greater or smaller is better.

    1 is a student that gains over random weights all that the teacher does, 0 one that gains
    nothing; more than 1 is a student that is better than its teacher.
    """
    return np.asarray((student - random) / (teacher - random))


def task_lines(
    outcome: Outcome,
    trio: Trio,
    options: FidelityOptions,
    scoring: FidelityScoring,
    notes: list[str],
) -> list[ScoredLine]:
    """Scores of three models by task, probe and test split.

    Parameters
    ----------
    outcome
        Of the evaluation.
    trio
        Which models.
    options
        What counts, and how near is near.
    scoring
        How they were scored.
    notes
        Gets a sentence for each task that has no line.
    """
    cells = {(cell["model"], cell["task"]): cell for cell in outcome.cells}
    found = []
    for task in outcome.tasks:
        mine = {name: cells.get((name, task)) for name in (trio.student, trio.teacher, trio.random)}
        absent = [name for name, cell in mine.items() if cell is None]
        if absent:
            notes.append(f"{task}: not compared with {trio.teacher}, {absent[0]} has no score")
            continue
        scored = scoring_of(outcome.tasks[task], scoring)
        cell = cells[trio.student, task]
        for probe in scoring.probes:
            for split in next(iter(cell["runs"]))["splits"]:
                place = _Place(task, probe, split)
                try:
                    files = _files(outcome, trio, place, scoring.seeds)
                    found.append(_line(place, trio, scored, files, options, scoring))
                except (EvaluationError, FidelityError) as error:
                    notes.append(f"{place}: not compared with {trio.teacher}, {error}")
    return [_exposed(each, outcome, trio) for each in found]


def summed_up(lines: Sequence[ScoredLine], confidence: float, options: FidelityOptions) -> Retained:
    """The mean over tasks of the mean over each task's lines."""
    by_task: dict[str, list[Drawn]] = {}
    for each in lines:
        if each.line.counted and each.retained is not None:
            by_task.setdefault(each.line.task, []).append(each.retained)
    known = [each.line.within for each in lines if each.line.within is not None]
    tasks = {task: mean_of(parts) for task, parts in by_task.items()}
    return Retained(
        share=mean_of(list(tasks.values())).measured(confidence) if tasks else None,
        tasks={task: drawn.value for task, drawn in tasks.items()},
        within=sum(known),
        lines=len(known),
        why="" if tasks else _why_none(lines, options),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    task: str
    probe: str
    split: str

    def __str__(self) -> str:
        return f"{self.task}, {self.probe}, {self.split}"


def _files(outcome: Outcome, trio: Trio, place: _Place, seeds: int) -> dict[str, list[Predictions]]:
    return {
        role: [
            Predictions.read(
                outcome.folders[name, place.task] / predictions_name(place.probe, seed, place.split)
            )
            for seed in range(seeds)
        ]
        for role, name in (
            ("student", trio.student),
            ("teacher", trio.teacher),
            ("random", trio.random),
        )
    }


def _line(
    place: _Place,
    trio: Trio,
    scored: Scoring,
    files: Mapping[str, Sequence[Predictions]],
    options: FidelityOptions,
    scoring: FidelityScoring,
) -> ScoredLine:
    confidence = scoring.confidence
    bootstrap = BootstrapOptions(resamples=scoring.resamples, confidence=confidence)
    scores, entries = drawn_scores(files, scored, bootstrap)
    student, teacher, random = (scores[role] for role in ("student", "teacher", "random"))
    sign = 1.0 if scored.greater_is_better else -1.0
    difference = combined(lambda s, t: sign * (s - t), student, teacher).measured(confidence)
    gain = combined(lambda t, r: sign * (t - r), teacher, random).measured(confidence)
    clear = gain.low is not None and gain.low > 0
    share = combined(retained_share, student, teacher, random) if clear else None
    listed = place.task in options.not_counted
    line = TaskLine(
        task=place.task,
        probe=place.probe,
        split=place.split,
        metric=scored.primary,
        greater_is_better=scored.greater_is_better,
        entries=entries,
        seeds=scoring.seeds,
        student=student.measured(confidence),
        teacher=teacher.measured(confidence),
        random=random.measured(confidence),
        difference=difference,
        gain=gain,
        retained=None if share is None else share.measured(confidence),
        within=_within(difference, teacher.value, options.tolerance),
        counted=clear and not listed,
        why=NOT_COUNTED if listed else COUNTED if clear else NO_GAIN,
        exposure={},
    )
    return ScoredLine(line, share)


def _within(difference: Measured, teacher: float, tolerance: float) -> bool | None:
    if difference.value is None:
        return None
    return bool(abs(difference.value) <= tolerance * abs(teacher))


def _exposed(scored: ScoredLine, outcome: Outcome, trio: Trio) -> ScoredLine:
    """With what the models may have seen of the test proteins."""
    known: dict[str, Any] = {
        role: outcome.exposures.get((name, scored.line.task))
        for role, name in (("student", trio.student), ("teacher", trio.teacher))
    }
    told = {role: exposure.verdict.value for role, exposure in known.items() if exposure}
    return ScoredLine(scored.line.model_copy(update={"exposure": told}), scored.retained)


def _why_none(lines: Sequence[ScoredLine], options: FidelityOptions) -> str:
    if not lines:
        return "no task was scored for all models"
    tasks = dict.fromkeys(each.line.task for each in lines)
    listed = [task for task in tasks if task in options.not_counted]
    rest = [task for task in tasks if task not in options.not_counted]
    parts = [f"{NO_GAIN} on {', '.join(rest)}"] if rest else []
    parts += [f"{', '.join(listed)} {NOT_COUNTED}"] if listed else []
    return f"{'; '.join(parts)}, so that there is no gain to retain; give other tasks"
