"""Sections of the page: what each template is given, from what the inputs hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from multiprot.embedding import EmbeddingStore
from multiprot.fidelity import read_card
from multiprot.report.colours import read_colours
from multiprot.report.evaluation_file import EvaluationFile, read_cell_times, read_evaluation
from multiprot.report.fidelity_sections import fidelity_sections
from multiprot.report.figure import legend
from multiprot.report.inputs import InputKind, ReportInput
from multiprot.report.options import ReportOptions
from multiprot.report.page_section import PageSection
from multiprot.report.score_figures import radar_figure, task_figures
from multiprot.report.score_table import score_table
from multiprot.report.space import MOST_TERMS, Say, SpaceMap, space_map
from multiprot.report.speed import (
    RetainedScores,
    measured_speeds,
    read_speeds,
    retained_scores,
    speed_figure,
)
from multiprot.report.training_figures import training_figures
from multiprot.report.training_logs import read_run
from multiprot.report.transfer_figures import transfer_figures
from multiprot.report.transfer_file import read_transfer


def page_sections(
    inputs: Sequence[ReportInput], options: ReportOptions, say: Say
) -> Iterator[PageSection]:
    """The sections that the inputs allow, those with results first.

    Raises
    ------
    MultiprotError
        If an input is broken, or an option is about inputs that are not there.
    """
    of = {kind: [given for given in inputs if given.kind is kind] for kind in InputKind}
    yield from _evaluations(of[InputKind.EVALUATION], options)
    for number, given in enumerate(of[InputKind.FIDELITY]):
        where = "" if len(of[InputKind.FIDELITY]) == 1 else f", {given.name}"
        yield from fidelity_sections(read_card(given.folder), f"fidelity-{number}", where)
    for number, given in enumerate(of[InputKind.TRANSFER]):
        yield _transfer(f"transfer-{number}", given, alone=len(of[InputKind.TRANSFER]) == 1)
    colours = None if options.colours is None else read_colours(options.colours)
    for number, given in enumerate(of[InputKind.STORE]):
        store = EmbeddingStore.open(given.folder)
        found = space_map(store, options, owner=given.name, colours=colours, say=say)
        yield _space(f"space-{number}", given, found, options, store)
    if of[InputKind.RUN]:
        yield _training(of[InputKind.RUN])


def _evaluations(given: Sequence[ReportInput], options: ReportOptions) -> Iterator[PageSection]:
    alone = len(given) == 1
    read = [read_evaluation(each.folder) for each in given]
    known = tuple(dict.fromkeys(model for results in read for model in results.models))
    told = {} if options.speed is None else read_speeds(options.speed, known)
    for number, (each, results) in enumerate(zip(given, read, strict=True)):
        where = "" if alone else f", {each.name}"
        yield PageSection(
            id=f"scores-{number}",
            title=f"Scores{where}",
            template="scores.html",
            content={
                "results": results,
                "table": score_table(results),
                "confidence": f"{results.confidence:.0%}",
                "caveats": {t: f.caveat for t, f in results.tasks.items() if f.caveat},
            },
        )
        if results.scores:
            yield _tasks(f"tasks-{number}", f"Task by task{where}", results)
        yield from _speed(f"speed-{number}", where, each.folder, results, told)


def _tasks(identity: str, title: str, results: EvaluationFile) -> PageSection:
    radar = radar_figure(results, identity)
    figures = [*([radar] if radar else []), *task_figures(results, identity)]
    return PageSection(
        id=identity,
        title=title,
        template="tasks.html",
        content={
            "legend": legend(results.models),
            "confidence": f"{results.confidence:.0%}",
        },
        figures=figures,
    )


def _speed(
    identity: str, where: str, folder: Path, results: EvaluationFile, told: Mapping[str, float]
) -> Iterator[PageSection]:
    measured = measured_speeds(read_cell_times(folder))
    speeds = {**measured, **told}
    retained = retained_scores(results)
    figure = speed_figure(retained, speeds, results.models, identity)
    if figure is None:
        return
    yield PageSection(
        id=identity,
        title=f"Score against speed{where}",
        template="speed.html",
        content=_speed_content(results, retained, speeds, told),
        figures=[figure],
    )


def _speed_content(
    results: EvaluationFile,
    retained: RetainedScores,
    speeds: Mapping[str, float],
    told: Mapping[str, float],
) -> dict[str, Any]:
    shown = [model for model in results.models if model in retained.shares and model in speeds]
    return {
        "retained": retained,
        "rows": [(model, retained.shares[model], speeds[model]) for model in shown],
        "given": [model for model in shown if model in told],
        "measured": [model for model in shown if model not in told],
        "missing": [model for model in results.models if model not in shown],
    }


def _transfer(identity: str, given: ReportInput, *, alone: bool) -> PageSection:
    told = read_transfer(given.folder)
    return PageSection(
        id=identity,
        title="Transferability" if alone else f"Transferability, {given.name}",
        template="transfer.html",
        content={"told": told},
        figures=transfer_figures(told, identity),
    )


def _space(
    identity: str,
    given: ReportInput,
    found: SpaceMap,
    options: ReportOptions,
    store: EmbeddingStore,
) -> PageSection:
    model = store.manifest.get("model")
    return PageSection(
        id=identity,
        title=f"Map of {given.name}",
        template="space.html",
        content={
            "map": found,
            "options": options,
            "most_terms": MOST_TERMS,
            "model": model.get("name") if isinstance(model, dict) else None,
        },
        space=found,
    )


def _training(given: Sequence[ReportInput]) -> PageSection:
    runs = {each.name: read_run(each.folder) for each in given}
    return PageSection(
        id="training",
        title="Training",
        template="training.html",
        content={"runs": runs, "legend": legend(tuple(runs))},
        figures=training_figures(runs, "training"),
    )
