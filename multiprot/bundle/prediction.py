"""The part of a bundle that predicts: from the model's vectors to what a task asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, Self

import torch
from pydantic import Field, ValidationError, model_validator
from torch import Tensor, nn

from multiprot.bundle.graph_layers import GraphSettings, InteractionGraph
from multiprot.config import Section
from multiprot.encoders.tensor_files import fill_module, load_tensors, save_tensors
from multiprot.errors import BundleError

_SETTINGS: Final = "settings"
_PAIR_PARTS: Final = 3
_LATER: Final = {"graph": None, "wild_type": (), "scores": "plain", "structures": False}
"""Settings that earlier versions do not know, as they are where nothing of them is used."""


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
    graph: GraphSettings | None = None
    """Network of proteins whose states make up a pair; null: vectors do."""
    wild_type: tuple[str, ...] = ()
    """Columns of sequences that an entry is compared with, one for each of its own: what is
    predicted is the difference; empty: there are none."""

    scores: Literal["plain", "tanh"] = "plain"
    """"tanh": scores of classes are squashed to -1 … 1 before they become probabilities, as the
    released code of STEPS has it."""
    structures: bool = False
    """Vectors are of sequence and structure, where a protein has one; else of sequence alone."""

    @model_validator(mode="after")
    def _names_fit_the_target(self) -> Self:
        count, binary = len(self.class_names), self.target == "binary"
        fits = count == 2 if binary else (count > 0) == (self.target != "regression")
        if not fits:
            raise ValueError(f"{count} class names do not fit {self.target} predictions")
        return self

    @model_validator(mode="after")
    def _graphs_are_of_pairs(self) -> Self:
        if self.graph is not None and self.unit != "pair":
            raise ValueError(f"a graph is for pairs of proteins, not for {self.unit} predictions")
        return self

    @model_validator(mode="after")
    def _differences_are_of_numbers(self) -> Self:
        fits = self.target == "regression" and self.unit != "residue" and self.graph is None
        if self.wild_type and not fits:
            raise ValueError(
                "a difference from a wild type is a number of whole proteins, without a graph; "
                f"this head is for {self.target} of {self.unit}"
            )
        return self

    @model_validator(mode="after")
    def _squashed_scores_are_of_classes(self) -> Self:
        if self.scores == "tanh" and self.target not in ("binary", "multiclass"):
            raise ValueError(
                f"scores tanh is for classes that exclude one another, not for {self.target}"
            )
        return self

    @property
    def outputs(self) -> int:
        """Numbers that the head gives for each row."""
        return len(self.class_names) if self.target in ("multiclass", "multilabel") else 1

    @property
    def inputs(self) -> int:
        """Channels of a row, behind the graph where there is one."""
        if self.graph is not None:
            return self.graph.width
        return self.width * (_PAIR_PARTS if self.unit == "pair" else 1) + self.ligand_bits


class PredictionHead(nn.Module):
    """A linear layer, or two with a bend between, on standardised vectors.

    Two proteins enter as `[a + b, a * b, abs(a - b)]`, so that it does not matter which comes
    first; with a graph, as the product of their states in it. A ligand's fingerprint stands behind
    the vector of its protein. Where there is a wild type, the same layers are used on both, and
    their difference is what comes out: 0 between equals, its negative if they change places.

    Attributes
    ----------
    settings
        What it predicts.
    graph
        Layers over a network of proteins, or None.
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
        graph = settings.graph
        self.graph = None if graph is None else InteractionGraph(graph, settings.width)
        self.layers = _layers(settings, settings.inputs)

    def forward(
        self,
        first: Tensor,
        second: Tensor | None = None,
        ligand: Tensor | None = None,
        nodes: Tensor | None = None,
        wild_type: Tensor | None = None,
    ) -> Tensor:
        """Outputs [row, output]: standardised numbers, or logits.

        Parameters
        ----------
        first, second
            float32 [row, width]: vectors of proteins or residues; `second` for pairs alone.
        ligand
            float32 [row, bit]: fingerprints, where the task has ligands.
        nodes
            int64 [row, 2]: which proteins of the graph's network a pair is of; -1: of none. Needed
            where there is a graph.
        wild_type
            float32 [row, protein, width]: vectors of what a row is compared with, where the head
            predicts differences.

        Raises
        ------
        BundleError
            If there are more or fewer parts than the head was made for.
        """
        told = (second is not None, ligand is not None, wild_type is not None)
        pair = self.settings.unit == "pair"
        wanted = (pair, self.settings.ligand_bits > 0, bool(self.settings.wild_type))
        if told != wanted:
            raise BundleError(
                f"prediction head of {self.settings.task}: is for {self.settings.unit} rows; give "
                f"{'two vectors' if pair else 'one vector'} a row"
                f"{' and a fingerprint' if wanted[1] else ''}"
                f"{' and as many of the wild type' if wanted[2] else ''}"
            )
        outputs = self._outputs(first, second, ligand, nodes)
        if wild_type is None:
            return outputs
        other = wild_type[:, 1] if pair else None
        return outputs - self._outputs(wild_type[:, 0], other, ligand, None)

    def _outputs(
        self, first: Tensor, second: Tensor | None, ligand: Tensor | None, nodes: Tensor | None
    ) -> Tensor:
        inputs = self._standardised(first)
        if second is not None:
            inputs = self._of_pairs(inputs, self._standardised(second), nodes)
        if ligand is not None:
            inputs = torch.cat([inputs, ligand], dim=1)
        outputs: Tensor = self.layers(inputs)
        return outputs if self.settings.scores == "plain" else self._squashed(outputs)

    def _squashed(self, outputs: Tensor) -> Tensor:
        """Scores of classes in -1 … 1; of yes and no, what one has more than the other, -2 … 2.

        The cross-entropy over C classes then stays above log(1 + (C - 1) e^-2).
        """
        return outputs.tanh() * (2.0 if self.settings.target == "binary" else 1.0)

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

    def _of_pairs(self, one: Tensor, other: Tensor, nodes: Tensor | None) -> Tensor:
        """float [row, channel], the same if `one` and `other` change places."""
        if self.graph is None:
            return torch.cat([one + other, one * other, (one - other).abs()], dim=1)
        if nodes is None:
            raise BundleError(
                f"prediction head of {self.settings.task}: has a network of "
                f"{len(self.graph.vectors)} proteins; say which of them the rows are of"
            )
        known = self._standardised(self.graph.vectors)
        found: Tensor = self.graph(known, one, other, nodes)
        return found

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
    # What is not used is not told: versions that do not know it yet can read the file.
    unused = {name for name, idle in _LATER.items() if getattr(head.settings, name) == idle}
    settings = head.settings.model_dump_json(exclude=unused)
    save_tensors(head.state_dict(), path, {_SETTINGS: settings})


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
