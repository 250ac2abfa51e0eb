"""`multiprot transfer`: where a representation will serve, told before anything is trained."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final

import typer

from multiprot.cli.section_options import with_section_options
from multiprot.transfer.options import TransferOptions

if TYPE_CHECKING:
    from multiprot.evaluation.features import FeatureSource
    from multiprot.evaluation.tasks import Task
    from multiprot.transfer import Measure, Sample
    from multiprot.transfer.record import TransferRecord

app = typer.Typer(no_args_is_help=True)

_DEFAULT: Final = ("otfrm", "wasserstein", "sinkhorn", "sliced-wasserstein")

Tasks = Annotated[
    list[Path], typer.Option("--tasks", help="Task folder, or folder of them; repeatable.")
]
Out = Annotated[Path, typer.Option(help="Folder to write transfer.json into.")]
Measures = Annotated[
    list[str] | None,
    typer.Option(
        "--measure",
        help="otfrm, wasserstein, sinkhorn, sliced-wasserstein, otdd, otmtd, logme, leep, h-score, "
        "knn-purity; repeatable.",
    ),
]
Cache = Annotated[
    Path | None, typer.Option(help="Folder that keeps vectors; without, OUT/vectors.")
]
Device = Annotated[str, typer.Option("--model-device", help="Where models compute: cpu, cuda.")]
SplitColumn = Annotated[str, typer.Option(help="Column of the tasks that says train or test.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on; measured values are kept.")]


@app.callback()
def _group() -> None:
    """Measure how near tasks are to one another, or how well a model suits them."""


@app.command()
@with_section_options(TransferOptions)
def matrix(
    model: Annotated[str, typer.Argument(help="Bundle, store, encoder alone or baseline.")],
    tasks: Tasks,
    out: Out,
    options: TransferOptions,
    measures: Measures = None,
    split_column: SplitColumn = "split",
    cache: Cache = None,
    model_device: Device = "cpu",
    resume: Resume = False,
) -> None:
    """Every measure between every two tasks, and OTFRM of each task among all."""
    from multiprot.transfer import samples_of_tasks, study_matrix
    from multiprot.transfer.studies import refuse_unmatched

    chosen = _measures(measures or _DEFAULT)
    loaded = _tasks(tasks, split_column)
    refuse_unmatched(chosen, [task.name for task in loaded])
    sources = _sources([model], cache or out / "vectors", model_device)
    with _record(out, "matrix", sources, options, loaded, resume=resume) as record:
        samples, missing = samples_of_tasks(sources[0], loaded, options.n, options.seed)
        study_matrix(list(samples.values()), chosen, options, record, _say, missing)
    _tell_count(record)


@app.command()
@with_section_options(TransferOptions)
def rank(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="One model, or several to be ranked.")
    ],
    tasks: Tasks,
    target: Annotated[str, typer.Option(help="Name of the task to be served.")],
    out: Out,
    options: TransferOptions,
    measures: Measures = None,
    split_column: SplitColumn = "split",
    cache: Cache = None,
    model_device: Device = "cpu",
    resume: Resume = False,
) -> None:
    """Order tasks as sources for a target, or several models by what they promise for it.

    With one model the other tasks are ranked, by measures of pairs of sets. With several models
    they are, by measures of the target alone: logme, leep, h-score, knn-purity.
    """
    from multiprot.transfer import ranked, study_ranking

    several = len(models) > 1
    chosen = _measures(measures or (("logme", "h-score") if several else _DEFAULT))
    loaded = _tasks(tasks, split_column)
    sources = _sources(models, cache or out / "vectors", model_device)
    wanted = _chosen(loaded, target)
    _refuse_unfit(chosen, several=several)
    told = {"target": wanted.name}
    with _record(out, "rank", sources, options, loaded, resume=resume, more=told) as record:
        candidates, missing = _candidates(sources, loaded, wanted, options)
        study_ranking(wanted.name, candidates, chosen, options, record, _say, missing)
    for measure in chosen:
        print(f"{measure.name}: {' > '.join(ranked(record, measure))}")


@app.command()
@with_section_options(TransferOptions)
def trace(
    run: Annotated[Path, typer.Argument(help="Folder of a pretraining run.")],
    tasks: Tasks,
    out: Out,
    options: TransferOptions,
    corpus: Annotated[
        Path | None,
        typer.Option(help="Corpus that it was trained on; without, the one in the run's folder."),
    ] = None,
    measure: Annotated[str, typer.Option(help="A measure of pairs of sets.")] = "wasserstein",
    split_column: SplitColumn = "split",
    cache: Cache = None,
    model_device: Device = "cpu",
    resume: Resume = False,
) -> None:
    """Follow the distance from the pretraining corpus to each task over a run's checkpoints."""
    from multiprot.transfer import checkpoint_sources, run_corpus, study_trace

    (chosen,) = _measures([measure])
    _refuse_unfit([chosen], several=False)
    loaded = _tasks(tasks, split_column)
    checkpoints = checkpoint_sources(run, cache or out / "vectors", model_device)
    opened = run_corpus(run, corpus)
    sources = _sources([str(run / "bundle")], cache or out / "vectors", model_device)
    learnt = {"model": str(run), "corpus": opened.content_hash}
    with _record(out, "trace", sources, options, loaded, resume=resume, more=learnt) as record:
        study_trace(checkpoints, opened, loaded, chosen, options, record, _say)
    _tell_count(record)


def _measures(names: Sequence[str]) -> list[Measure]:
    from multiprot.transfer import measure_named

    return [measure_named(name) for name in dict.fromkeys(names)]


def _refuse_unfit(measures: Sequence[Measure], *, several: bool) -> None:
    from multiprot.errors import TransferError
    from multiprot.transfer import Takes

    wanted = Takes.ONE_SET if several else Takes.PAIR
    for measure in measures:
        if measure.takes is not wanted:
            told = "several models need measures of the target alone, such as logme"
            other = "tasks are ranked by measures of pairs of sets, such as wasserstein"
            raise TransferError(
                f"{measure.name} takes {measure.takes}; {told if several else other}"
            )


def _tasks(folders: Sequence[Path], split_column: str) -> list[Task]:
    from multiprot.evaluation.tasks import load_task, task_folders
    from multiprot.transfer.studies import refuse_unmatched

    loaded = [load_task(folder, split_column=split_column) for folder in task_folders(folders)]
    refuse_unmatched([], [task.name for task in loaded])
    return loaded


def _sources(models: Sequence[str], cache: Path, device: str) -> list[FeatureSource]:
    from multiprot.cli.embed_report import progress_bar
    from multiprot.evaluation.features import open_source, parse_models

    return [
        open_source(found, cache=cache, device=device, watch=progress_bar)
        for found in parse_models(models)
    ]


def _chosen(tasks: Sequence[Task], name: str) -> Task:
    from multiprot.config.keys import unknown_name
    from multiprot.errors import TransferError

    by_name = {task.name: task for task in tasks}
    if name not in by_name:
        raise TransferError(unknown_name("task", name, tuple(by_name)))
    return by_name[name]


def _candidates(
    sources: Sequence[FeatureSource],
    tasks: Sequence[Task],
    target: Task,
    options: TransferOptions,
) -> tuple[dict[str, tuple[Sample, ...]], dict[str, str]]:
    from multiprot.transfer import samples_of_models, samples_of_tasks, task_sample

    if len(sources) > 1:
        seen, missing = samples_of_models(sources, target, options.n, options.seed)
        return {name: (sample,) for name, sample in seen.items()}, missing
    after = task_sample(sources[0], target, options.n, options.seed)
    others = [task for task in tasks if task is not target]
    before, missing = samples_of_tasks(sources[0], others, options.n, options.seed)
    return {name: (sample, after) for name, sample in before.items()}, missing


@contextmanager
def _record(
    out: Path,
    verb: str,
    sources: Sequence[FeatureSource],
    options: TransferOptions,
    tasks: Sequence[Task],
    *,
    resume: bool,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[TransferRecord]:
    from multiprot.transfer.lock import alone
    from multiprot.transfer.record import TransferRecord

    head = {
        "verb": verb,
        "model": ", ".join(source.name for source in sources),
        "model_identities": [dict(source.identity) for source in sources],
        "options": options.model_dump(mode="json"),
        "names": [task.name for task in tasks],
        "tasks": {t.name: f"{t.specification.task_type} {t.content_hash}" for t in tasks},
        **more,
    }
    with alone(out):
        yield TransferRecord.open(out, head, resume=resume)


def _tell_count(record: TransferRecord) -> None:
    without = sum(row["problem"] is not None for row in record.rows.values())
    failed = f"; {without:,} could not be measured" if without else ""
    print(f"{len(record.rows) - without:,} values, in {record.path}{failed}")


def _say(told: str) -> None:
    print(told, file=sys.stderr, flush=True)
