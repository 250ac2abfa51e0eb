r"""What MASSA's objectives are worth: pretraining by pretraining, task by task. May be resumed.

    python -m benchmarks.massa_ablation --tasks ../shared/data/downstream \
        --out runs/massa-ablation [--seeds 3] [--parallel 2] [--set trainer.max_steps=250]

Same backbone (configs/pretrain/massa-cpu.yaml), same number of steps, the corpus without proteins
that resemble a test protein; then simple models on frozen protein vectors, or residue tokens for
tasks of residues, as `multiprot evaluate` trains them, three seeds each. A star: every seed of the
pretraining is above every seed of random weights, and the means are two standard deviations
apart. Models and scores that are there already are not made again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.massa_ablation.design import TASKS, variants
from benchmarks.massa_ablation.evaluation import Rows, evaluate
from benchmarks.massa_ablation.pretraining import jobs, pretrain
from benchmarks.massa_ablation.table import by_variant, table
from benchmarks.results import save_results


def main() -> None:
    given = _parser().parse_args()
    wanted = jobs(variants(given.seeds), given.out)
    settings = [f"trainer.threads={given.threads}", *given.set]
    if not given.only_table:
        pretrain(wanted, str(given.recipe), settings, given.parallel)
    tasks = [given.tasks / name for name in TASKS]
    rows = Rows(given.rows, given.test_rows, given.residues, given.probe_seeds)
    scores = {}
    for job in wanted:
        if given.only_table and not (job.folder / "evaluation" / "results.json").is_file():
            continue
        scores[job.name] = evaluate(job, tasks, rows)
        print(f"{job.name}: {scores[job.name]}", file=sys.stderr, flush=True)
    found = by_variant(wanted, scores)
    save_results(
        given.out / "results.json",
        "benchmarks.massa_ablation",
        {"scores": scores, "by_variant": found, "rows": rows._asdict(), "settings": settings},
    )
    print("\n".join(table(found, TASKS)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", type=Path, default=Path("configs/pretrain/massa-cpu.yaml"))
    parser.add_argument("--seeds", type=int, default=3, help="pretrainings of the main variants")
    parser.add_argument("--probe-seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=2000, help="training rows of a task at most")
    parser.add_argument("--test-rows", type=int, default=1000)
    parser.add_argument("--residues", type=int, default=60_000)
    parser.add_argument("--threads", type=int, default=1, help="of each pretraining")
    parser.add_argument("--parallel", type=int, default=2, help="pretrainings at a time")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--only-table", action="store_true", help="of what is there")
    return parser


if __name__ == "__main__":
    main()
