r"""What MASSA's objectives are worth: pretraining by pretraining, task by task. May be resumed.

    python -m benchmarks.massa_ablation --tasks ../shared/data/downstream \
        --out runs/massa-ablation [--seeds 3] [--parallel 2] [--set trainer.max_steps=250]

Same backbone (configs/pretrain/massa-cpu.yaml), same number of steps, the corpus without proteins
that resemble a test protein; then simple models on frozen protein vectors, or residue tokens for
tasks of residues, as `multiprot evaluate` trains them, three seeds each. A star: every seed of the
pretraining is above every seed of random weights, and the means are two standard deviations
apart. Models and scores that are there already are not made again; where OUT holds a results.json
of another day, its models need not be there.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from benchmarks.massa_ablation.design import TASKS, variants
from benchmarks.massa_ablation.evaluation import Rows, evaluate
from benchmarks.massa_ablation.kept import Scores
from benchmarks.massa_ablation.pretraining import Job, jobs, pretrain
from benchmarks.massa_ablation.table import by_variant, table


def main() -> None:
    given = _parser().parse_args()
    wanted = jobs(variants(given.seeds), given.out)
    settings = [f"trainer.threads={given.threads}", *given.set]
    rows = Rows(given.rows, given.test_rows, given.residues, given.test_residues, given.probe_seeds)
    kept = Scores.open(given.out / "results.json", {"rows": rows._asdict(), "settings": settings})

    def scored(job: Job) -> tuple[Job, dict[str, float]]:
        pretrain(job, str(given.recipe), settings)
        return job, evaluate(job, given.tasks, rows)

    missing = [] if given.only_table else [job for job in wanted if job.name not in kept.scores]
    with ThreadPoolExecutor(given.parallel) as pool:
        for done in as_completed([pool.submit(scored, job) for job in missing]):
            job, scores = done.result()
            kept.add(job.name, scores)
            print(f"{job.name}: {scores}", file=sys.stderr, flush=True)
    print("\n".join(table(by_variant(wanted, kept.scores), tuple(TASKS))))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", type=Path, default=Path("configs/pretrain/massa-cpu.yaml"))
    parser.add_argument("--seeds", type=int, default=3, help="pretrainings of the main variants")
    parser.add_argument("--probe-seeds", type=int, default=3)
    parser.add_argument(
        "--rows", type=int, default=1500, help="training proteins of a task at most"
    )
    parser.add_argument("--test-rows", type=int, default=1000)
    parser.add_argument("--residues", type=int, default=200_000, help="for tasks of residues")
    parser.add_argument("--test-residues", type=int, default=60_000)
    parser.add_argument("--threads", type=int, default=1, help="of each pretraining")
    parser.add_argument("--parallel", type=int, default=2, help="models at a time")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--only-table", action="store_true", help="of what is there")
    return parser


if __name__ == "__main__":
    main()
