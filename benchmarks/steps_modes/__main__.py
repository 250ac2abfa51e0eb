r"""What pseudo bi-level optimisation is worth: mode by mode, task by task. May be resumed.

    python -m benchmarks.steps_modes --tasks ../shared/data/downstream --out runs/steps-modes

Same model (configs/pretrain/steps-cpu.yaml), same steps, the corpus without proteins that resemble
a test protein; then simple models on frozen protein vectors, or residue tokens for tasks of
residues, as `multiprot evaluate` trains them, three seeds each. Downstream proteins come as
sequences. Marks: every seed is above (*) or below (†) every seed of "no link", and the means are
two standard deviations apart. Models and scores that are there already are not made again.
"""

from __future__ import annotations

from benchmarks.pretraining_matrix.command import arguments, compare
from benchmarks.pretraining_matrix.variants import Study
from benchmarks.steps_modes.design import NO_LINK, TASKS, variants


def main() -> None:
    given = arguments(str(__doc__), "configs/pretrain/steps-cpu.yaml")
    compare(Study("benchmarks.steps_modes", variants(given.seeds), TASKS, NO_LINK), given)


if __name__ == "__main__":
    main()
