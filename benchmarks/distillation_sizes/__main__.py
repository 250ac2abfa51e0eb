r"""What students of several sizes keep of a teacher, beside how fast they are. May be resumed.

    multiprot pretrain configs/pretrain/teacher-cpu.yaml --out runs/teacher-cpu
    multiprot teach configs/distill/student-cpu.yaml
    python -m benchmarks.distillation_sizes --tasks ../shared/data/downstream \
        --out runs/distillation-sizes [--set trainer.max_steps=4000] [--parallel 2]

Of each size: weights as drawn, a student that learnt hidden residues alone for as many steps, and
one that learnt all of configs/distill/student-cpu.yaml. Tasks and their simple models are those of
benchmarks.distillation_losses.

"retained" is (student - random) / (teacher - random) with random weights of the student's own
shape; its mean is over the tasks on which the teacher is above random weights of all shapes, by
more than 0.01 and by two standard deviations of their seeds. Speed is of `multiprot embed`'s
engine from sequences to vectors, all models in turn, the teacher too. OUT/retained.svg shows both.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import torch

from benchmarks.distillation_losses.design import TASKS, TEACHER
from benchmarks.distillation_losses.stores import missing
from benchmarks.distillation_sizes.design import means, random_of, shares, sizes
from benchmarks.distillation_sizes.picture import draw
from benchmarks.distillation_sizes.speed import residues_per_second
from benchmarks.embedding_speed.machine import machine
from benchmarks.mtdp_training.proteins import NATURAL, drawn
from benchmarks.pretraining_matrix.command import parser, scored
from benchmarks.pretraining_matrix.pretraining import jobs
from benchmarks.pretraining_matrix.table import table
from benchmarks.pretraining_matrix.variants import Study
from benchmarks.results import save_results
from multiprot.cli.recipes import resolve_recipe
from multiprot.encoders.plugin import Precision

MODULE: Final = "benchmarks.distillation_sizes"
PRECISIONS: Final[tuple[Precision, ...]] = ("fp32", "bf16")


def main() -> None:
    given = _arguments()
    config = resolve_recipe([str(given.recipe), *given.set]).value
    lacking = [] if given.only_table else missing(config, str(given.recipe), given.set)
    if lacking:
        raise SystemExit("\n".join(lacking))
    chosen = [v for v in sizes(config, given.seeds) if v.name in (given.variant or [v.name])]
    study = Study(MODULE, tuple(chosen), TASKS, random_of("128x2"))
    scores = scored(study, given)
    print("\n".join(table(scores, tuple(TASKS), study.baseline)))
    by_task = shares(scores)
    kept = means(by_task)
    named = (*kept, TEACHER)
    speeds = {each: _speeds(study, given, named, each) for each in PRECISIONS}
    print("\n".join(_lines(kept, by_task, speeds)))
    fast = speeds[given.precision]
    points = {name: (fast[name], share) for name, share in {**kept, TEACHER: 1.0}.items()}
    draw(points, given.out / "retained.svg")
    figures = {
        "retained": by_task,
        "residues_per_second": speeds,
        "measured_on": machine("cpu", torch.get_num_threads()),
    }
    save_results(given.out / "retained.json", MODULE, figures)


def _lines(
    kept: Mapping[str, float],
    by_task: Mapping[str, Mapping[str, float]],
    speeds: Mapping[Precision, Mapping[str, int]],
) -> list[str]:
    """A table of what is retained and how many times as fast as the teacher it is."""
    lines = [
        f"| student | retained | {' | '.join(speeds)} |",
        "|---|---:|" + "---:|" * len(speeds),
    ]
    for name, share in kept.items():
        cells = [f"{each[name] / each[TEACHER]:.1f} x" for each in speeds.values()]
        lines.append(
            f"| {name} | {share:.0%} of {len(by_task[name])} tasks | {' | '.join(cells)} |"
        )
    return lines


def _speeds(
    study: Study, given: argparse.Namespace, named: Sequence[str], precision: Precision
) -> dict[str, int]:
    models = {
        job.variant.name: str(job.bundle)
        for job in jobs(study.variants, given.out)
        if job.seed == 1 and job.variant.name in named
    }
    records = drawn(given.fasta, given.speed_proteins, NATURAL)
    return residues_per_second(models, records, given.speed_rounds, precision)


def _arguments() -> argparse.Namespace:
    found = parser(str(__doc__), "configs/distill/student-cpu.yaml")
    found.add_argument(
        "--variant", action="append", metavar="NAME", help="only this row; repeatable"
    )
    found.add_argument("--precision", choices=PRECISIONS, default="bf16", help="of the plot")
    found.add_argument("--speed-proteins", type=int, default=200)
    found.add_argument("--speed-rounds", type=int, default=3)
    found.add_argument(
        "--fasta", type=Path, default=Path("../shared/data/pretrain/sequences.fasta.gz")
    )
    return found.parse_args()


if __name__ == "__main__":
    main()
