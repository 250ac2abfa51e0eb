"""A model fitted to a task, and what it then predicts.

Above evaluation, whose tasks and metrics it uses; the steps themselves are taken by
`multiprot.training.finetune`. Predicting needs no trainer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.finetuning.options import PredictOptions
    from multiprot.finetuning.predictor import Predicted, Predictor
    from multiprot.finetuning.run import FineTuneRun, finetune

_HOMES: Final = {
    "FineTuneRun": "run",
    "PredictOptions": "options",
    "Predicted": "predictor",
    "Predictor": "predictor",
    "finetune": "run",
}

__all__ = ["FineTuneRun", "PredictOptions", "Predicted", "Predictor", "finetune"]

__getattr__ = lazy_names(__name__, _HOMES)
