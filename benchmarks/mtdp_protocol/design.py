"""Tasks, metrics, and what was published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

RELEASED: Final = "released"
LAST: Final = "last"
OFFICIAL: Final = "official"
PROTOCOLS: Final[Mapping[str, str]] = {
    RELEASED: "random folds, best epoch",
    LAST: "random folds, last epoch",
    OFFICIAL: "official split",
}
"""Protocol -> column of the table."""


class Case(NamedTuple):
    """A task: what it is called, and its metrics, the one that chooses epochs first."""

    title: str
    metrics: tuple[str, ...]


CASES: Final[Mapping[str, Case]] = {
    "deeploc_membrane": Case("DeepLoc-2, membrane or not", ("f1",)),
    "deeploc10": Case("DeepLoc-10, ten locations", ("f1_macro", "balanced_accuracy")),
    "meltome_clustered": Case("Meltome, melting temperature", ("pearson",)),
}
"""Task folder -> case."""

METRICS: Final[Mapping[str, str]] = {
    "f1": "F1",
    "f1_macro": "macro-F1",
    "balanced_accuracy": "balanced accuracy",
    "pearson": "Pearson R",
}

_COLUMNS: Final = (("deeploc_membrane", "f1"), ("deeploc10", "f1_macro"))
_MELTOME: Final = ("meltome_clustered", "pearson")

_FIGURE: Final = {
    "ESM-2 8M": (0.831, 0.649, 0.574),
    "MTDP 20M": (0.842, 0.716, 0.679),
    "ESM-2 35M": (0.843, 0.690, 0.614),
    "ESM-2 150M": (0.845, 0.716, 0.670),
    "ProtBert-BFD 420M": (0.849, 0.719, 0.674),
    "ESM-2 650M": (0.847, 0.727, 0.700),
    "ProtT5-XL": (0.846, 0.725, 0.686),
}
"""Medians of ten random folds, read off figure 2 of arXiv:2405.11735 to within 0.003."""

PUBLISHED: Final = {
    model: dict(zip((*_COLUMNS, _MELTOME), row, strict=True)) for model, row in _FIGURE.items()
}
"""Model -> task and metric -> value under MTDP's own protocol, on its own versions of the data."""

NOTE: Final = (
    "† published (arXiv:2405.11735, figure 2, read off to within 0.003): another version of the "
    "data, not like for like."
)
