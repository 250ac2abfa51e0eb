"""The folds of a fine-tuned task as a table of text."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def folds_text(results: Mapping[str, Any], out: Path) -> str:
    """One row for each fold, their mean and deviation, and the score of all predictions joined.

    Parameters
    ----------
    results
        As the results.json of a run with folds holds them.
    out
        Folder of the run.
    """
    from multiprot.evaluation.structures.report import structure_text

    metrics = list(results["out_of_fold"])
    chosen_by = f"valid {results['primary_metric']}"
    rows = [["fold", "train", "valid", "test", chosen_by, *metrics]]
    for fold in results["folds"]:
        counts = [f"{fold['entries'][part]:,}" for part in ("train", "valid", "test")]
        rows.append([str(fold["fold"]), *counts, *_scores(fold["valid"], fold["tests"], results)])
    for name, key in (("mean", "mean"), ("deviation", "standard_deviation")):
        over = results[key]
        rows.append([name, "", "", "", *_scores(over["valid"], over, results)])
    joined = [figure(value) for value in results["out_of_fold"].values()]
    rows.append(["joined", "", "", "", "", *joined])
    place = shlex.quote(str(out))
    found = results["structures"]
    return "\n".join(
        [
            *_aligned(rows),
            *([] if found is None else [structure_text(found)]),
            f"test scores of {len(results['folds'])} folds; joined: all folds' predictions, "
            "scored together",
            f"models: {place}/fold-01/bundle and so on; {results['seconds']:,.0f} s in all",
        ]
    )


def figure(value: float | None) -> str:
    """A score, four digits behind the point."""
    return "undefined" if value is None else f"{value:.4f}"


def _scores(
    valid: Mapping[str, float | None],
    tests: Mapping[str, Mapping[str, float | None]],
    results: Mapping[str, Any],
) -> list[str]:
    test = tests["test"]
    return [
        figure(valid[results["primary_metric"]]),
        *(figure(test[name]) for name in results["out_of_fold"]),
    ]


def _aligned(rows: list[list[str]]) -> list[str]:
    """Lines with the first column flush left, the others flush right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
