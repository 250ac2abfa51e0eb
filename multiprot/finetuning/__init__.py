"""A model fitted to a task, and what it then predicts.

Above evaluation, whose tasks and metrics it uses; the steps themselves are taken by
`multiprot.training.finetune`. Predicting needs no trainer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.finetuning.cross_validation import cross_validate
    from multiprot.finetuning.folds import Folding
    from multiprot.finetuning.options import PredictOptions
    from multiprot.finetuning.predictor import Predicted, Predictor
    from multiprot.finetuning.request import FineTuneRun
    from multiprot.finetuning.run import finetune

_HOMES: Final = {
    "FineTuneRun": "request",
    "Folding": "folds",
    "PredictOptions": "options",
    "Predicted": "predictor",
    "Predictor": "predictor",
    "cross_validate": "cross_validation",
    "finetune": "run",
}

__all__ = [
    "FineTuneRun",
    "Folding",
    "PredictOptions",
    "Predicted",
    "Predictor",
    "cross_validate",
    "finetune",
]

__getattr__ = lazy_names(__name__, _HOMES)
