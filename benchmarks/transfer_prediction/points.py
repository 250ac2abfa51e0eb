"""Gains and measures of every point; what is there already is not made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.transfer_prediction.design import (
    ADAPTATION,
    FEATURE_MEASURES,
    PAIR_MEASURES,
    SEED,
)
from multiprot.evaluation.comparison import EvaluateOptions, Outcome, Plan, run_cells
from multiprot.evaluation.features import FeatureSource, ModelReference, open_source
from multiprot.evaluation.tasks import load_task
from multiprot.finetuning import FineTuneRun, finetune
from multiprot.transfer import TransferOptions, TransferRecord, measure_named, task_sample
from multiprot.transfer.studies import study_ranking

OPTIONS = TransferOptions(n=1000, replicates=0, seed=SEED)


@dataclass(frozen=True, slots=True)
class Study:
    """Where the study lies.

    Attributes
    ----------
    out
        Its folder.
    models
        Name -> bundle.
    tasks
        Name -> folder of the smaller task.
    """

    out: Path
    models: Mapping[str, Path]
    tasks: Mapping[str, Path]

    @property
    def cache(self) -> Path:
        """Vectors of all models."""
        return self.out / "vectors"

    def adapted(self, model: str, task: str) -> Path:
        """Bundle of a model that was fine-tuned on a task."""
        return self.out / "adapted" / f"{model}--{task}"

    def references(self, model: str) -> dict[str, ModelReference]:
        """Task -> the model adapted to it; "" -> the model as it was."""
        texts = {"": f"{model}={self.models[model]}"} | {
            task: f"{model}>{task}={self.adapted(model, task) / 'bundle'}" for task in self.tasks
        }
        return {task: ModelReference.parse(text) for task, text in texts.items()}


def adapt(study: Study) -> None:
    """Fine-tune every model on every task."""
    for model, bundle in study.models.items():
        for task, folder in study.tasks.items():
            out = study.adapted(model, task)
            if (out / "results.json").is_file():
                continue
            run = FineTuneRun(model=str(bundle), task=folder, out=out, options=ADAPTATION)
            told = finetune(run, resume=(out / "checkpoints").is_dir(), overwrite=not out.exists())
            print(f"{model} adapted to {task}: {told.get('seconds')} s", flush=True)


def probed(study: Study) -> Outcome:
    """A linear probe of every model, adapted or not, on every task."""
    references = [r for model in study.models for r in study.references(model).values()]
    plan = Plan(
        models=references,
        tasks=list(study.tasks.values()),
        out=study.out / "scores",
        cache=study.cache,
        options=EvaluateOptions(resamples=50),
    )
    outcome = run_cells(plan, resume=True, on_cell=lambda *told: print(*told, sep=", ", flush=True))
    if outcome.failures:
        raise SystemExit(f"failed: {outcome.failures[0]}")
    return outcome


def scores(outcome: Outcome) -> dict[tuple[str, str], float]:
    """Test score by name of the model, adapted or not, and task."""
    return {
        (cell["model"], cell["task"]): cell["runs"][0]["splits"]["test"][cell["primary_metric"]][
            "value"
        ]
        for cell in outcome.cells
    }


def measured(study: Study) -> dict[tuple[str, str, str, str], float | None]:
    """Value of each measure by measure, model, source and target."""
    found: dict[tuple[str, str, str, str], float | None] = {}
    for model in study.models:
        sources = {
            task: open_source(reference, cache=study.cache)
            for task, reference in study.references(model).items()
        }
        for target in study.tasks:
            rows = _rows(study, model, sources, target)
            for (measure, source), value in rows.items():
                if source != target and source:
                    found[measure, model, source, target] = value
    return found


def _rows(
    study: Study, model: str, sources: Mapping[str, FeatureSource], target: str
) -> dict[tuple[str, str], float | None]:
    """Measure and source -> value, of one target."""
    head: dict[str, Any] = {"verb": "prediction", "model": model, "target": target}
    folder = study.out / "measures" / f"{model}--{target}"
    record = TransferRecord.open(folder, head, resume=True)
    tasks = {name: load_task(path) for name, path in study.tasks.items()}
    base = {n: task_sample(sources[""], t, OPTIONS.n, SEED) for n, t in tasks.items()}
    pairs = {name: (sample, base[target]) for name, sample in base.items() if name != target}
    study_ranking(target, pairs, _measures(PAIR_MEASURES), OPTIONS, record)
    ones = {
        f"after {name}" if name else "before": (
            task_sample(source, tasks[target], OPTIONS.n, SEED),
        )
        for name, source in sources.items()
    }
    study_ranking(target, ones, _measures(FEATURE_MEASURES), OPTIONS, record)
    values = {(r["measure"], r["source"]): r["value"] for r in record.rows.values()}
    found = {key: value for key, value in values.items() if key[0] in PAIR_MEASURES}
    for measure in FEATURE_MEASURES:
        before = values[measure, "before"]
        for name in study.tasks:
            after = values[measure, f"after {name}"]
            known = after is not None and before is not None
            found[measure, name] = after - before if known else None
    return found


def _measures(names: Sequence[str]) -> list[Any]:
    return [measure_named(name) for name in names]
