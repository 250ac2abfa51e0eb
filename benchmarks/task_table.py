r"""A table of what `multiprot evaluate` found, for a page: tasks by models, and who beats whom.

    python -m benchmarks.task_table RUN/results.json [MORE/results.json] --model mini \
        [--rival random --rival composition] [--leave-out tape_fluorescence]

A row is a task's primary metric on its test split; of a task that stands in several results the
last counts. A model beats a rival where its value is higher; "beyond doubt" where their intervals
do not even touch. Where a task tells what was published of frozen ESM-2 of 8 million parameters,
the last column has it: another probe, all training rows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

PUBLISHED: Final = "ESM2_8M"


class Cell(NamedTuple):
    """A value with its interval."""

    value: float
    low: float
    high: float


def cells(results: Mapping[str, Any]) -> dict[str, dict[str, Cell]]:
    """Task -> model -> its primary metric on the test split."""
    found: dict[str, dict[str, Cell]] = {}
    for score in results["scores"]:
        if score["primary"] and score["split"] == "test":
            cell = Cell(score["value"], score["low"], score["high"])
            found.setdefault(score["task"], {})[score["model"]] = cell
    return found


def merged(all_results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Tasks and scores of all results; of a task in several the last ones."""
    tasks: dict[str, Any] = {}
    scores: list[Any] = []
    for results in all_results:
        tasks |= results["tasks"]
        scores = [score for score in scores if score["task"] not in results["tasks"]]
        scores += results["scores"]
    return {"tasks": tasks, "scores": scores}


def published(task: Mapping[str, Any]) -> float | None:
    """What a task tells of frozen ESM-2 8M."""
    for reference in task["reference"]:
        if "frozen" in reference.get("what", "") and PUBLISHED in reference["values"]:
            return float(reference["values"][PUBLISHED])
    return None


def table(results: Mapping[str, Any], models: Sequence[str]) -> list[str]:
    """Lines of Markdown."""
    lines = [
        "| task | metric | " + " | ".join(models) + " | ESM-2 8M, published |",
        "|---|---|" + "---:|" * (len(models) + 1),
    ]
    for task, row in sorted(cells(results).items()):
        told = results["tasks"][task]
        figures = [_cell(row.get(model)) for model in models]
        other = published(told)
        figures.append("" if other is None else f"{other:.3f}")
        lines.append(f"| {task} | {told['primary_metric']} | {' | '.join(figures)} |")
    return lines


def _cell(cell: Cell | None) -> str:
    return "" if cell is None else f"{cell.value:.3f} [{cell.low:.3f}, {cell.high:.3f}]"


def duel(results: Mapping[str, Any], model: str, rival: str, left_out: Collection[str]) -> str:
    """How often a model beats a rival."""
    pairs = [
        (row[model], row[rival])
        for task, row in cells(results).items()
        if task not in left_out and model in row and rival in row
    ]
    won = sum(mine.value > other.value for mine, other in pairs)
    clear = sum(mine.low > other.high for mine, other in pairs)
    lost = sum(mine.high < other.low for mine, other in pairs)
    share = won / len(pairs) if pairs else float("nan")
    return (
        f"{model} beats {rival} on {won} of {len(pairs)} tasks ({share:.0%}), on {clear} beyond "
        f"doubt; {rival} beats it beyond doubt on {lost}"
    )


def main() -> None:
    """Read the command line, print the table and the duels."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--model", required=True)
    parser.add_argument("--rival", action="append", default=[])
    parser.add_argument("--leave-out", action="append", default=[], help="task; repeatable")
    given = parser.parse_args()
    results = merged([json.loads(path.read_text(encoding="utf-8")) for path in given.results])
    print("\n".join(table(results, [given.model, *given.rival])))
    for rival in given.rival:
        print(duel(results, given.model, rival, given.leave_out))


if __name__ == "__main__":
    main()
