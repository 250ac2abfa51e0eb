r"""What each loss of distillation is worth: student by student, task by task. May be resumed.

    multiprot pretrain configs/pretrain/teacher-cpu.yaml --out runs/teacher-cpu
    multiprot teach configs/distill/student-cpu.yaml \
        teachers.mini='{"model": "mini", "store": "runs/teachers/mini"}'
    python -m benchmarks.distillation_losses --tasks ../shared/data/downstream \
        --out runs/distillation-losses [--seeds 3] [--parallel 2] [--variant NAME]

Same student (configs/distill/student-cpu.yaml), same steps, the corpus without proteins that
resemble a test protein: weights as drawn, hidden residues alone, every loss of distillation alone,
all of the recipe, one teacher and two, and three ways to weigh them. Other shapes:
benchmarks.distillation_sizes. Then simple models on frozen protein vectors, or residue tokens for
tasks of residues, as `multiprot evaluate` trains them, three seeds each. The teachers are scored in
the same way, once; downstream proteins come as sequences, to them too.

Marks: every seed is above (*) or below (†) every seed of "no teacher", and the means are two
standard deviations apart. "retained" is (student - random) / (teacher - random), the median over
the tasks, so many in brackets, on which the teacher "fused" is above random weights beyond noise;
students of two teachers are measured by the same one. Models and scores that are there already are
not made again.
"""

from __future__ import annotations

import argparse

from benchmarks.distillation_losses.design import (
    ALONE,
    MINI_TEACHER,
    RANDOM,
    TASKS,
    TEACHER,
    variants,
)
from benchmarks.distillation_losses.retained import column, retained, with_column
from benchmarks.distillation_losses.stores import missing
from benchmarks.pretraining_matrix.command import parser, scored
from benchmarks.pretraining_matrix.table import table
from benchmarks.pretraining_matrix.variants import Study
from benchmarks.results import save_results
from multiprot.cli.recipes import resolve_recipe

MODULE = "benchmarks.distillation_losses"


def main() -> None:
    given = _arguments()
    settings = [MINI_TEACHER, *given.set]
    config = resolve_recipe([str(given.recipe), *settings]).value
    lacking = [] if given.only_table else missing(config, str(given.recipe), settings)
    if lacking:
        raise SystemExit("\n".join(lacking))
    tasks = {name: TASKS[name] for name in given.only or TASKS}
    chosen = [v for v in variants(config, given.seeds) if v.name in (given.variant or [v.name])]
    study = Study(MODULE, tuple(chosen), tasks, ALONE)
    scores = scored(study, given)
    kept = column(scores, RANDOM, TEACHER)
    print("\n".join(with_column(table(scores, tuple(tasks), ALONE), kept)))
    shares = {
        variant: retained(own, scores.get(RANDOM, {}), scores.get(TEACHER, {}))
        for variant, own in scores.items()
    }
    save_results(given.out / "retained.json", MODULE, {"retained": shares})


def _arguments() -> argparse.Namespace:
    found = parser(str(__doc__), "configs/distill/student-cpu.yaml")
    found.add_argument("--only", action="append", choices=TASKS, help="task; repeatable")
    found.add_argument(
        "--variant", action="append", metavar="NAME", help="only this row; repeatable"
    )
    return found.parse_args()


if __name__ == "__main__":
    main()
