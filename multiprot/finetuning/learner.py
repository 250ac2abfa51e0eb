"""A head with the model below it, or without where that does not learn."""

from __future__ import annotations

from typing import Self

from torch import Tensor, nn

from multiprot.bundle import PredictionHead
from multiprot.finetuning.batch import ProteinsBatch, VectorBatch
from multiprot.finetuning.learning import LearningParts
from multiprot.finetuning.live_model import LiveModel
from multiprot.finetuning.loss import TaskLoss
from multiprot.training.finetune.module import Learner


class HeadLearner(Learner):
    """Learns from vectors that are known already.

    Parameters
    ----------
    head
        What learns.
    loss
        What its outputs are compared with.
    """

    def __init__(self, head: PredictionHead, loss: TaskLoss) -> None:
        super().__init__()
        self.head: PredictionHead = head
        self.compared = loss

    def loss(self, batch: VectorBatch) -> Tensor:
        """The mean over the rows of `batch`."""
        outputs = self.head(batch.first, batch.second, batch.ligand, batch.nodes, batch.wild_type)
        found: Tensor = self.compared(outputs, batch.labels, self.head)
        return found


class ModelLearner(Learner):
    """Learns with the model, or with some parts of it.

    Parameters
    ----------
    head
        Learns, too.
    loss
        What its outputs are compared with.
    model
        Gives vectors.
    parts
        Of the model that learn; all others stay as in use: no dropout.
    """

    def __init__(
        self, head: PredictionHead, loss: TaskLoss, model: LiveModel, parts: LearningParts
    ) -> None:
        super().__init__()
        self.head: PredictionHead = head
        self.compared = loss
        self.backbone: nn.Module = model.bundle.model
        self._model = model
        self._parts = parts

    def loss(self, batch: ProteinsBatch) -> Tensor:
        """The mean over the rows of `batch`."""
        outputs = self._model.outputs(batch.features, residues=batch.joining.by_residue)
        joined = batch.joining(outputs.vectors, outputs.tokens)
        first = joined.index_select(0, batch.first)
        second = None if batch.second is None else joined.index_select(0, batch.second)
        wild_type = None if batch.wild_type is None else joined[batch.wild_type]
        said = self.head(first, second, batch.ligand, wild_type=wild_type)
        found: Tensor = self.compared(said, batch.labels, self.head)
        return found

    def train(self, mode: bool = True) -> Self:
        """As in torch, but what does not learn stays as in use."""
        super().train(mode)
        self._parts.train(mode)
        return self
