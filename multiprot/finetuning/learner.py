"""A head with the model below it, or without where that does not learn."""

from __future__ import annotations

from typing import Self

from torch import Tensor, nn

from multiprot.bundle import PredictionHead
from multiprot.errors import TrainingError
from multiprot.finetuning.batch import ProteinsBatch, VectorBatch
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
    """Learns with the model, of which all or only adapters want gradients.

    Parameters
    ----------
    head
        Learns, too.
    loss
        What its outputs are compared with.
    model
        Gives vectors.
    adapters_alone
        All of the model but its sequence encoder stays as in use: no dropout.
    """

    def __init__(
        self, head: PredictionHead, loss: TaskLoss, model: LiveModel, *, adapters_alone: bool
    ) -> None:
        super().__init__()
        self.head: PredictionHead = head
        self.compared = loss
        self.backbone: nn.Module = model.bundle.model
        self._model = model
        self._adapters_alone = adapters_alone

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
        encoder = self._model.bundle.model.sequence
        if mode and self._adapters_alone and encoder is not None:
            self.backbone.eval()
            encoder.train(mode)
        return self


_UNUSED = ("structure", "go", "project_go", "project_protein")
"""Parts of a model that a task of sequences does not reach."""


def let_learn(model: LiveModel, mode: str) -> None:
    """Stop gradients of all that `mode` ("lora", "full") leaves as it is.

    What the encoder's own options froze stays frozen.

    Raises
    ------
    TrainingError
        If nothing of the model would learn.
    """
    network = model.bundle.model
    if mode == "lora":
        encoder = network.sequence
        adapters = {f"sequence.{n}" for n in (() if encoder is None else encoder.adapter_names)}
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name in adapters)
    for name in _UNUSED:
        part = getattr(network, name)
        if part is not None:
            part.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise TrainingError(
            f"{model.identity.name}: nothing of the model learns in mode {mode}, its encoder is "
            "frozen by its own options; choose mode frozen"
        )
