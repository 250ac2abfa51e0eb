r"""What MASSA's objectives are worth: pretraining by pretraining, task by task. May be resumed.

    python -m benchmarks.massa_ablation --tasks ../shared/data/downstream \
        --out runs/massa-ablation [--seeds 3] [--parallel 2] [--set trainer.max_steps=250]

Same backbone (configs/pretrain/massa-cpu.yaml), same number of steps, the corpus without proteins
that resemble a test protein; then simple models on frozen protein vectors, or residue tokens for
tasks of residues, as `multiprot evaluate` trains them, three seeds each. Marks: every seed of the
pretraining is above (*) or below (†) every seed of random weights, and the means are two standard
deviations apart. Models and scores that are there already are not made again; where OUT holds a
results.json of another day, its models need not be there.
"""

from __future__ import annotations

from benchmarks.massa_ablation.design import RANDOM, TASKS, variants
from benchmarks.pretraining_matrix.command import arguments, compare
from benchmarks.pretraining_matrix.variants import Study


def main() -> None:
    given = arguments(str(__doc__), "configs/pretrain/massa-cpu.yaml")
    compare(Study("benchmarks.massa_ablation", variants(given.seeds), TASKS, RANDOM), given)


if __name__ == "__main__":
    main()
