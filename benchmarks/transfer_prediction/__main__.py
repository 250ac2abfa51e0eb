r"""Does a measure of transferability predict a gain? Prints a table, writes JSON; may be resumed.

    python -m benchmarks.transfer_prediction --tasks ../shared/data/downstream \
        --model NAME=BUNDLE --model … --out runs/transfer_prediction

What is measured, and on which points, is in `design`. `--quick` tries it all on a fifth of the
proteins.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.results import save_results
from benchmarks.transfer_prediction.correlation import correlation, promising_sign
from benchmarks.transfer_prediction.design import FEATURE_MEASURES, PAIR_MEASURES, TASKS
from benchmarks.transfer_prediction.folders import held_out_sequences, smaller_task
from benchmarks.transfer_prediction.points import Study, adapt, measured, probed, scores
from benchmarks.transfer_prediction.reliability import reliability, test_scores


def main() -> None:
    arguments = _parser().parse_args()
    out = arguments.out / "quick" if arguments.quick else arguments.out
    models = dict(text.split("=", 1) for text in arguments.model)
    tasks = {name: out / "tasks" / name for name in TASKS}
    tested = held_out_sequences([arguments.tasks / name for name in TASKS])
    for name, folder in tasks.items():
        smaller_task(arguments.tasks / name, folder, tested, 0.2 if arguments.quick else 1.0)
    study = Study(out, {name: Path(bundle) for name, bundle in models.items()}, tasks)
    adapt(study)
    found = _figures(study)
    save_results(out / "results.json", "benchmarks.transfer_prediction", found)
    _print(found)


def _figures(study: Study) -> dict[str, Any]:
    outcome = probed(study)
    score, value = scores(outcome), measured(study)
    gains = {
        (model, source, target): score[f"{model}>{source}", target] - score[model, target]
        for model in study.models
        for source in study.tasks
        for target in study.tasks
        if source != target
    }
    measures = {}
    for measure in (*PAIR_MEASURES, *FEATURE_MEASURES):
        of_point = {point: value.get((measure, *point)) for point in gains}
        measures[measure] = {"promises": promising_sign(measure), **correlation(gains, of_point)}
    points = [
        {"model": m, "source": s, "target": t, "gain": gain}
        | {name: value.get((name, m, s, t)) for name in measures}
        for (m, s, t), gain in gains.items()
    ]
    base = {
        f"{model} on {task}": score[model, task] for model in study.models for task in study.tasks
    }
    return {
        "reliability": reliability(test_scores(outcome), list(gains)),
        "measures": measures,
        "points": points,
        "scores_before": base,
    }


def _print(found: dict[str, Any]) -> None:
    told = found["reliability"]
    print(
        f"gains: halves of the test parts agree by {told['halves']:.2f}, whole ones by "
        f"{told['whole']:.2f}; attainable |ρ| {told['attainable']:.2f}"
    )
    print(f"{'measure':20} points  spearman [95 % interval]     within  least |ρ| without a task")
    order = sorted(found["measures"].items(), key=lambda item: -abs(item[1].get("spearman") or 0.0))
    for name, told in order:
        if told.get("spearman") is None:
            print(f"{name:20} {told['points']:6}  none")
            continue
        low, high = told["interval"]
        left = [abs(rho) for rho in told["without_task"].values() if rho is not None]
        print(
            f"{name:20} {told['points']:6}  {told['spearman']:+.3f} [{low:+.3f}, {high:+.3f}]"
            f"     {told['within'] or 0:+.3f}  {min(left, default=0):.3f}"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=Path, required=True)
    parser.add_argument("--model", action="append", required=True, metavar="NAME=BUNDLE")
    parser.add_argument("--out", type=Path, default=Path("runs/transfer_prediction"))
    parser.add_argument("--quick", action="store_true")
    return parser


if __name__ == "__main__":
    main()
