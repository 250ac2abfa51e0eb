"""Every model against the best one, on the test rows that all of them were scored on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multiprot.errors import EvaluationError
from multiprot.evaluation.comparison.predictions import (
    Predictions,
    predictions_name,
    primary_scorer,
)
from multiprot.evaluation.comparison.scoring import Scoring
from multiprot.evaluation.statistics import BootstrapOptions, holm, paired_difference


def paired_comparisons(
    cells: Sequence[Mapping[str, Any]],
    folders: Mapping[tuple[str, str], Path],
    scorings: Mapping[str, Scoring],
    bootstrap: BootstrapOptions,
    notes: list[str],
) -> list[dict[str, Any]]:
    """For each task, probe and test split: how far each model is from the best.

    The p-values of one table are corrected for their number (Holm 1979). Of several seeds the first
    is compared.

    Parameters
    ----------
    cells
        As cell.json holds them.
    folders
        Model and task -> folder of the cell.
    scorings
        Task -> how it is scored.
    bootstrap
        How.
    notes
        Gets a sentence for each pair of models that could not be compared.
    """
    tables: defaultdict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for cell in cells:
        sign = 1.0 if cell["greater_is_better"] else -1.0
        for run in cell["runs"]:
            for split, scores in run["splits"].items():
                value = scores[cell["primary_metric"]]["value"]
                if run["seed"] == 0 and value is not None:
                    tables[cell["task"], run["probe"], split][cell["model"]] = sign * value
    found = []
    for (task, probe, split), values in sorted(tables.items()):
        best = max(values, key=lambda model: values[model])
        files = {
            model: Predictions.read(folders[model, task] / predictions_name(probe, 0, split))
            for model in values
        }
        place = {"task": task, "probe": probe, "split": split}
        apart: dict[str, str] = {}
        found += [place | row for row in _against(best, files, scorings[task], bootstrap, apart)]
        for model, reason in apart.items():
            notes.append(f"{model} and {best} on {task}, {split}: not compared, {reason}")
    return found


def _against(
    best: str,
    files: Mapping[str, Predictions],
    scoring: Scoring,
    bootstrap: BootstrapOptions,
    apart: dict[str, str],
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for model, file in files.items():
        if model == best:
            continue
        common = np.intersect1d(file.ids, files[best].ids)
        if len(common) < 2:
            apart[model] = f"as they share {len(common)} test entries; embed the same proteins"
            continue
        one, other = files[best].of(common), file.of(common)
        try:
            difference = paired_difference(
                (primary_scorer(scoring, one), primary_scorer(scoring, other)),
                scoring.units(one.groups),
                bootstrap,
                greater_is_better=scoring.greater_is_better,
            )
        except EvaluationError as error:
            apart[model] = str(error)
            continue
        undefined = np.isnan(difference.p_value)
        rows.append(
            {
                "best": best,
                "model": model,
                "entries": len(common),
                "difference": difference.interval.to_json(),
                "p_value": None if undefined else difference.p_value,
            }
        )
    tested = [row for row in rows if row["p_value"] is not None]
    corrected = holm([row["p_value"] for row in tested])
    for row, value in zip(tested, corrected, strict=True):
        row["p_value_holm"] = float(value)
    return rows
