"""The tables of a comparison, for people, for spreadsheets and for programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from multiprot.evaluation.comparison.exposure import Exposure, Verdict
from multiprot.evaluation.comparison.options import EvaluateOptions
from multiprot.evaluation.comparison.paired import paired_comparisons
from multiprot.evaluation.comparison.run import Outcome
from multiprot.evaluation.comparison.scoring import scoring_of
from multiprot.evaluation.statistics import BootstrapOptions, over_seeds
from multiprot.files import atomic_file

RESULTS: Final = "results.json"
SCORES: Final = "scores.csv"

MARKS: Final = {Verdict.SEEN: "*", Verdict.UNKNOWN: "?", Verdict.CLEAN: "", Verdict.UNTRAINED: ""}
"""What stands behind a score, by what is known of the model's training."""

LEGEND: Final = (
    "* trained on test proteins of this task or on proteins like them; "
    "? nobody wrote down what it was trained on"
)

_COLUMNS: Final = (
    *("task", "split", "model", "probe", "metric", "primary", "value", "low", "high"),
    *("seeds", "standard_deviation", "rows", "exposure"),
)


def write_results(outcome: Outcome, options: EvaluateOptions, out: Path) -> dict[str, Any]:
    """Write results.json and scores.csv; what results.json holds.

    Parameters
    ----------
    outcome
        Cells that are there, and what failed.
    options
        How they were made.
    out
        Folder of the run.
    """
    bootstrap = BootstrapOptions(resamples=options.resamples, confidence=options.confidence)
    scores = list(score_rows(outcome))
    notes = list(outcome.notes)
    scored = dict.fromkeys(cell["task"] for cell in outcome.cells)
    results = {
        "options": json.loads(options.model_dump_json()),
        "tasks": {name: _task(outcome, name) for name in outcome.tasks},
        "scores": scores,
        "comparisons": paired_comparisons(
            outcome.cells,
            outcome.folders,
            {name: scoring_of(outcome.tasks[name], options) for name in scored},
            bootstrap,
            notes,
        ),
        "exposures": [
            {"model": model, "task": task} | exposure.to_json()
            for (model, task), exposure in outcome.exposures.items()
        ],
        "refused": [
            {"model": cell["model"], "task": cell["task"], "id": name, "reason": reason}
            for cell in outcome.cells
            for name, reason in cell["refused"].items()
        ],
        "notes": notes,
        "failures": outcome.failures,
    }
    with atomic_file(out / RESULTS) as partial:
        partial.write_text(json.dumps(results, indent=2, allow_nan=False), encoding="utf-8")
    with (
        atomic_file(out / SCORES) as partial,
        partial.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(scores)
    return results


def score_rows(outcome: Outcome) -> Iterator[dict[str, Any]]:
    """One row for each task, test split, model, probe and metric; seeds are averaged.

    The interval is that of the first seed.
    """
    for cell in outcome.cells:
        exposure = outcome.exposures[cell["model"], cell["task"]]
        first = [run for run in cell["runs"] if run["seed"] == 0]
        for run in first:
            same = [other for other in cell["runs"] if other["probe"] == run["probe"]]
            for split, scores in run["splits"].items():
                for metric in scores:
                    values = [other["splits"][split][metric] for other in same]
                    yield _row(cell, run["probe"], split, metric, values, exposure)


def _row(
    cell: Mapping[str, Any],
    probe: str,
    split: str,
    metric: str,
    values: list[dict[str, Any]],
    exposure: Exposure,
) -> dict[str, Any]:
    numbers = [value["value"] for value in values]
    defined = None not in numbers
    summary = over_seeds(numbers) if defined else None
    return {
        "task": cell["task"],
        "split": split,
        "model": cell["model"],
        "probe": probe,
        "metric": metric,
        "primary": metric == cell["primary_metric"],
        "value": None if summary is None else summary.mean,
        "low": values[0]["low"],
        "high": values[0]["high"],
        "seeds": len(values),
        "standard_deviation": summary.standard_deviation if summary and len(values) > 1 else None,
        "rows": cell["rows"][split],
        "exposure": exposure.verdict.value,
    }


def _task(outcome: Outcome, name: str) -> dict[str, Any]:
    specification = outcome.tasks[name].specification
    return {
        "task_type": specification.task_type.value,
        "primary_metric": specification.primary_metric,
        "description": specification.description,
        "caveat": specification.caveat,
        "content_hash": outcome.tasks[name].content_hash,
        "reference": (specification.model_extra or {}).get("reference", []),
        "structures": outcome.structures.get(name),
    }


def table_text(results: Mapping[str, Any]) -> str:
    """The primary metric of each task: a line for each split and probe, a column for each model."""
    primary = [row for row in results["scores"] if row["primary"]]
    models = list(dict.fromkeys(row["model"] for row in primary))
    lines: dict[tuple[str, str, str, str], dict[str, Mapping[str, Any]]] = {}
    for row in primary:
        place = (row["task"], row["split"], row["probe"], row["metric"])
        lines.setdefault(place, {})[row["model"]] = row
    cells = [["task", "split", "probe", "metric", *models]]
    for place, by_model in lines.items():
        cells.append([*place, *(_shown(by_model.get(model)) for model in models)])
    widths = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
    rows = ("  ".join(t.ljust(w) for t, w in zip(line, widths, strict=True)) for line in cells)
    text = "\n".join(row.rstrip() for row in rows)
    marked = any(row["exposure"] in (Verdict.SEEN, Verdict.UNKNOWN) for row in primary)
    return f"{text}\n{LEGEND}" if marked else text


def _shown(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "failed"
    mark = MARKS[Verdict(row["exposure"])]
    if row["value"] is None:
        return f"undefined{mark}"
    if row["low"] is None:
        return f"{row['value']:.3f}{mark}"
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]{mark}"
