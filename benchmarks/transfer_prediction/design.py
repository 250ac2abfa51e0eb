"""The points of the study, fixed before anything was measured.

Every ordered pair of four tasks, for each of four models: 48 points. A point is a model that is
fine-tuned as a whole on task A; its gain is the test score of a linear probe on task B with its
vectors, less the score with the vectors of the model as it was. Measures see training parts only,
and nothing of what was learnt from B.
"""

from __future__ import annotations

from typing import Final

from multiprot.training.finetune.options import FineTuneOptions

TASKS: Final = ("meltome_clustered", "deeploc10", "deepsol_solubility", "neuropeptide_precursor")
"""Whole-protein tasks on natural proteins of all kinds: regression, ten classes, two times two.

Left out beforehand: variants of one protein (their vectors hardly differ), tasks of pairs and of
residues (their vectors are not those of proteins)."""

TRAIN_ROWS: Final = 1000
VALID_ROWS: Final = 200
TEST_ROWS: Final = 800
LONGEST: Final = 512
"""Proteins beyond it are left out, and rows are few, so that two cores do it in two hours."""
SEED: Final = 0
ADAPTATION: Final = FineTuneOptions(
    mode="full", epochs=4, patience=4, backbone_lr=5e-4, precision="bf16", seed=SEED
)
"""The rate is half of that at which the models were pretrained: they have to change."""

PAIR_MEASURES: Final = (
    *("wasserstein", "sinkhorn", "sliced-wasserstein", "otfrm", "otdd", "otmtd", "leep"),
)
"""Between A and B as the unadapted model sees them. OTFRM is of the two: intra(B) / OTsim(A, B)."""

FEATURE_MEASURES: Final = ("logme", "h-score", "knn-purity")
"""Of B's training part, as the adapted model sees it, less the same of the unadapted model."""
