"""Predictions as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.bundle import PredictionSettings
from multiprot.finetuning.predictor import Predicted

_THRESHOLD: Final = 0.5
"""Probability from which a yes or a label is predicted."""


def prediction_columns(settings: PredictionSettings) -> dict[str, str]:
    """Name -> kind ("text", "number", "count", "texts") of the columns that predictions fill.

    `id`; for residues `residue` (from 1) and `letter`; `prediction`: the number, the class, or the
    labels that hold; and for classes their probabilities, each in a column of its own.
    """
    columns = {"id": "text"}
    if settings.unit == "residue":
        columns |= {"residue": "count", "letter": "text"}
    kinds = {"regression": "number", "multilabel": "texts"}
    columns["prediction"] = kinds.get(settings.target, "text")
    return columns | dict.fromkeys((f"p({name})" for name in _shown(settings)), "number")


def prediction_rows(
    settings: PredictionSettings, predictions: Iterable[Predicted]
) -> Iterator[tuple[Any, ...]]:
    """Cells of the columns that `prediction_columns` names."""
    for entry in predictions:
        for number, cells in enumerate(_cells(settings, entry.values)):
            if settings.unit == "residue":
                yield (entry.id, number + 1, entry.sequence[number], *cells)
            else:
                yield (entry.id, *cells)


def _shown(settings: PredictionSettings) -> tuple[str, ...]:
    """Classes whose probability is told; of yes and no, yes."""
    return settings.class_names[1:] if settings.target == "binary" else settings.class_names


def _cells(settings: PredictionSettings, values: NDArray[np.float64]) -> Iterator[tuple[Any, ...]]:
    names = settings.class_names
    for row in values:
        match settings.target:
            case "regression":
                yield (float(row),)
            case "binary":
                yield (names[int(row >= _THRESHOLD)], float(row))
            case "multiclass":
                yield (names[int(np.argmax(row))], *map(float, row))
            case _:
                held = tuple(n for n, p in zip(names, row, strict=True) if p >= _THRESHOLD)
                yield (held, *map(float, row))
