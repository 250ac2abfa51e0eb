"""The part of a bundle that predicts: from the model's vectors to what a task asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, Self

import torch
from pydantic import Field, ValidationError, model_validator
from torch import Tensor, nn

from multiprot.config import Section
from multiprot.encoders.tensor_files import fill_module, load_tensors, save_tensors
from multiprot.errors import BundleError

_SETTINGS: Final = "settings"
_PAIR_PARTS: Final = 3


class PredictionSettings(Section):
    """What a head predicts, and from what."""

    task: str
    """Name of the task that it learnt."""
    unit: Literal["protein", "residue", "pair", "protein_ligand"]
    """What has a prediction."""
    target: Literal["regression", "binary", "multiclass", "multilabel"]
    """Kind of the prediction."""
    class_names: tuple[str, ...] = ()
    """Of the classes or labels, in the order of the outputs; empty for numbers."""
    width: int = Field(ge=1)
    """Channels of the model's vectors."""
    ligand_bits: int = Field(default=0, ge=0)
    """Channels of a ligand's fingerprint; 0: there is no ligand."""
    hidden: int | None = Field(default=None, ge=1)
    """Channels of the hidden layer; null: the head is linear."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the head's inputs and hidden channels dropped in training."""
    max_residues: int | None = Field(default=None, ge=1)
    """Longest protein, or window, that was embedded in one piece; null: the model's own limit."""
    window_overlap: int = Field(default=64, ge=0)
    """Residues that neighbouring windows of a longer protein share at least."""

    @model_validator(mode="after")
    def _names_fit_the_target(self) -> Self:
        count, binary = len(self.class_names), self.target == "binary"
        fits = count == 2 if binary else (count > 0) == (self.target != "regression")
        if not fits:
            raise ValueError(f"{count} class names do not fit {self.target} predictions")
        return self

    @property
    def outputs(self) -> int:
        """Numbers that the head gives for each row."""
        return len(self.class_names) if self.target in ("multiclass", "multilabel") else 1


class PredictionHead(nn.Module):
    """A linear layer, or two with a bend between, on standardised vectors.

    Two proteins enter as `[a + b, a * b, abs(a - b)]`, so that it does not matter which comes
    first. A ligand's fingerprint stands behind the vector of its protein.

    Attributes
    ----------
    settings
        What it predicts.
    center, spread
        float32 [width]: of the vectors that it was begun on.
    target_center, target_spread
        float32 [1]: of the numbers that it learnt; 0 and 1 for classes.
    """

    center: Tensor
    spread: Tensor
    target_center: Tensor
    target_spread: Tensor

    def __init__(self, settings: PredictionSettings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("center", torch.zeros(settings.width))
        self.register_buffer("spread", torch.ones(settings.width))
        self.register_buffer("target_center", torch.zeros(1))
        self.register_buffer("target_spread", torch.ones(1))
        pair = settings.unit == "pair"
        channels = settings.width * (_PAIR_PARTS if pair else 1) + settings.ligand_bits
        self.layers = _layers(settings, channels)

    def forward(
        self, first: Tensor, second: Tensor | None = None, ligand: Tensor | None = None
    ) -> Tensor:
        """Outputs [row, output]: standardised numbers, or logits.

        Parameters
        ----------
        first, second
            float32 [row, width]: vectors of proteins or residues; `second` for pairs alone.
        ligand
            float32 [row, bit]: fingerprints, where the task has ligands.

        Raises
        ------
        BundleError
            If there are more or fewer parts than the head was made for.
        """
        told = (second is not None, ligand is not None)
        wanted = (self.settings.unit == "pair", self.settings.ligand_bits > 0)
        if told != wanted:
            raise BundleError(
                f"prediction head of {self.settings.task}: is for {self.settings.unit} rows; give "
                f"{'two vectors' if wanted[0] else 'one vector'} a row"
                f"{' and a fingerprint' if wanted[1] else ''}"
            )
        inputs = self._standardised(first)
        if second is not None:
            other = self._standardised(second)
            inputs = torch.cat([inputs + other, inputs * other, (inputs - other).abs()], dim=1)
        if ligand is not None:
            inputs = torch.cat([inputs, ligand], dim=1)
        outputs: Tensor = self.layers(inputs)
        return outputs

    def predictions(self, outputs: Tensor) -> Tensor:
        """What `outputs` say, float64 on the CPU.

        Numbers [row] in the task's own unit; the probability of "yes" [row]; probabilities
        [row, class] with sum 1; or of each label by itself [row, label].
        """
        values = outputs.detach().cpu().double()
        match self.settings.target:
            case "regression":
                center, spread = self.target_center.cpu(), self.target_spread.cpu()
                return (values * spread.double() + center.double())[:, 0]
            case "binary":
                return values.sigmoid()[:, 0]
            case "multiclass":
                return values.softmax(dim=1)
            case _:
                return values.sigmoid()

    def _standardised(self, vectors: Tensor) -> Tensor:
        return (vectors - self.center) / self.spread


def _layers(settings: PredictionSettings, channels: int) -> nn.Sequential:
    if settings.hidden is None:
        return nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(channels, settings.outputs))
    return nn.Sequential(
        nn.Dropout(settings.dropout),
        nn.Linear(channels, settings.hidden),
        nn.GELU(),
        nn.Dropout(settings.dropout),
        nn.Linear(settings.hidden, settings.outputs),
    )


def save_head(head: PredictionHead, path: Path) -> None:
    """Write a head with its settings."""
    save_tensors(head.state_dict(), path, {_SETTINGS: head.settings.model_dump_json()})


def load_head(path: Path) -> PredictionHead:
    """The head that `save_head` wrote, in evaluation mode; `BundleError` if it is none."""
    tensors, metadata = load_tensors(path)
    try:
        settings = PredictionSettings.model_validate_json(metadata[_SETTINGS])
    except (KeyError, ValidationError) as error:
        raise BundleError(f"{path}: is not a prediction head ({error}); save it again") from None
    head = PredictionHead(settings)
    fill_module(head, tensors, path)
    return head.eval()
