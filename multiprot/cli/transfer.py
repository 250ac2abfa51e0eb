"""`multiprot transfer`: where a representation will serve, told before anything is trained."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from multiprot.cli.section_options import with_section_options
from multiprot.transfer.options import TransferOptions

if TYPE_CHECKING:
    from multiprot.evaluation.features import FeatureSource
    from multiprot.evaluation.tasks import Task
    from multiprot.transfer import Measure
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
    from multiprot.transfer import study_matrix, task_sample

    chosen = _measures(measures or _DEFAULT)
    loaded = _tasks(tasks, split_column)
    (source,) = _sources([model], cache or out / "vectors", model_device)
    record = _record(out, "matrix", source.name, options, loaded, resume=resume)
    samples = [task_sample(source, task, options.n, options.seed) for task in loaded]
    study_matrix(samples, chosen, options, record, _say)
    print(f"{len(record.rows):,} values, in {record.path}")


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
    loaded = {task.name: task for task in _tasks(tasks, split_column)}
    sources = _sources(models, cache or out / "vectors", model_device)
    wanted = _chosen(loaded, target)
    _refuse_unfit(chosen, several=several)
    names = ", ".join(source.name for source in sources)
    record = _record(out, "rank", names, options, list(loaded.values()), resume=resume)
    candidates = _candidates(sources, loaded, wanted, options)
    study_ranking(target, candidates, chosen, options, record, _say)
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
    from multiprot.data import Corpus
    from multiprot.transfer import checkpoint_sources, study_trace

    (chosen,) = _measures([measure])
    _refuse_unfit([chosen], several=False)
    loaded = _tasks(tasks, split_column)
    opened = Corpus.open(corpus or run / "corpus")
    record = _record(out, "trace", str(run), options, loaded, resume=resume)
    sources = checkpoint_sources(run, cache or out / "vectors", model_device)
    study_trace(sources, opened, loaded, chosen, options, record, _say)
    print(f"{len(record.rows):,} values, in {record.path}")


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

    return [load_task(folder, split_column=split_column) for folder in task_folders(folders)]


def _sources(models: Sequence[str], cache: Path, device: str) -> list[FeatureSource]:
    from multiprot.evaluation.features import open_source, parse_models

    return [open_source(found, cache=cache, device=device) for found in parse_models(models)]


def _chosen(tasks: dict[str, Task], name: str) -> Task:
    from multiprot.config.keys import nearest
    from multiprot.errors import TransferError

    if name not in tasks:
        guess = nearest(name, tuple(tasks))
        hint = f"; did you mean {guess!r}?" if guess else ""
        raise TransferError(f"no task {name!r}{hint}; there are {', '.join(tasks)}")
    return tasks[name]


def _candidates(
    sources: Sequence[FeatureSource],
    tasks: dict[str, Task],
    target: Task,
    options: TransferOptions,
) -> dict[str, Any]:
    from multiprot.transfer import task_sample

    asked = (options.n, options.seed)
    if len(sources) > 1:
        return {source.name: (task_sample(source, target, *asked),) for source in sources}
    after = task_sample(sources[0], target, *asked)
    others = [task for task in tasks.values() if task is not target]
    return {task.name: (task_sample(sources[0], task, *asked), after) for task in others}


def _record(
    out: Path,
    verb: str,
    model: str,
    options: TransferOptions,
    tasks: Sequence[Task],
    *,
    resume: bool,
) -> TransferRecord:
    from multiprot.transfer.record import TransferRecord

    head = {
        "verb": verb,
        "model": model,
        "options": options.model_dump(mode="json"),
        "names": [task.name for task in tasks],
        "tasks": {task.name: task.content_hash for task in tasks},
    }
    return TransferRecord.open(out, head, resume=resume)


def _say(told: str) -> None:
    print(told, file=sys.stderr, flush=True)
