"""Our step on the same proteins: the recipe's model, vectors in place of the sequence encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.massa_plain.config import TAGGINGS, PlainMassaConfig
from benchmarks.massa_training.proteins import Sample
from multiprot.data.batch_config import BatchConfig
from multiprot.data.collate import Collator
from multiprot.data.go_sets import GoSets
from multiprot.data.sampler import cut_by_budget
from multiprot.data.span_labels import SpanLabels
from multiprot.data.targets import BatchTargets
from multiprot.encoders.cached_tokens import CachedTokens
from multiprot.encoders.contract import Layout, ObjectiveContext, ResidueEncoder, ResidueTokens
from multiprot.encoders.options import chosen_encoder
from multiprot.encoders.plugin import Modality
from multiprot.encoders.reference.plugins import TermTableConfig
from multiprot.encoders.reference.term_table import TermTable
from multiprot.encoders.registry import Registry
from multiprot.encoders.section import ObjectiveSection
from multiprot.fusion import FusionModel
from multiprot.fusion.config import ModelConfig
from multiprot.objectives import TotalObjective, build_objectives
from multiprot.ontology import GeneOntology
from multiprot.proteins import ProteinRecord
from multiprot.training.optim import build_optimizer
from multiprot.training.settings import OptimizerConfig

OBJECTIVES: Final = (
    ObjectiveSection(name="masked-residue", options={"hide_structure": True, "legacy": True}),
    ObjectiveSection(name="masked-go", options={"min_proteins": 1}),
    *(
        ObjectiveSection(
            name=f"{kind}-tagging", options={"kinds": [kind], "min_proteins": 1, "legacy": True}
        )
        for kind in TAGGINGS
    ),
)
"""The five, as the released code has them: vectors are hidden, the focal loss is plain."""


@dataclass(frozen=True, slots=True)
class VectorsOfSample:
    """Gives a sample's vectors where a featurizer is expected, as a token cache would."""

    sample: Sample

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> CachedTokens:
        """Vectors of `records`, padded to the longest."""
        places = {record.id: row for row, record in enumerate(self.sample.records)}
        longest = max(len(record) for record in records)
        channels = self.sample.vectors[0].shape[1]
        values = torch.zeros(len(records), longest, channels)
        mask = torch.zeros(len(records), longest, dtype=torch.bool)
        for row, record in enumerate(records):
            vectors = self.sample.vectors[places[record.id]]
            values[row, : len(vectors)] = torch.from_numpy(vectors)
            mask[row, : len(vectors)] = True
        return CachedTokens(values, mask)


class VectorsOfElsewhere(ResidueEncoder[Any]):
    """Stands for the encoder whose vectors are there already."""

    def __init__(self, channels: int, featurizer: VectorsOfSample) -> None:
        super().__init__()
        self.token_dim, self.featurizer = channels, featurizer

    def forward(self, features: Any) -> ResidueTokens:
        """Never called."""
        raise NotImplementedError("batches hold CachedTokens, which need no encoder")


class OurStep(nn.Module):
    """Model, objectives, batches and optimizer.

    Parameters
    ----------
    model
        A recipe's; its sequence and GO encoder are replaced by vectors that do not learn.
    optimizer
        The recipe's, but without Lookahead, which the plain step has not.
    sample
        Proteins.
    ontology
        What its terms are taken from.
    shape
        Channels of vectors, numbers of classes.
    tokens
        Residues of a batch, padding included.
    seed
        Of weights, order and corruption.
    """

    def __init__(
        self,
        model: ModelConfig,
        optimizer: OptimizerConfig,
        sample: Sample,
        ontology: GeneOntology,
        shape: PlainMassaConfig,
        *,
        tokens: int,
        seed: int,
    ) -> None:
        super().__init__()
        torch.manual_seed(seed)
        registry, vectors = Registry.discover(), VectorsOfSample(sample)
        structure = _structure_encoder(registry, model)
        go = TermTable(TermTableConfig(width=shape.go_dim))
        go.bind(ontology)
        go.requires_grad_(False)
        sequence = VectorsOfElsewhere(shape.sequence_dim, vectors)
        self.model = FusionModel(model.fusion, sequence, structure, go)
        classes = np.sort(
            np.random.default_rng(seed).choice(len(ontology), shape.go_classes, replace=False)
        )
        counts = torch.zeros(len(ontology), dtype=torch.int64)
        counts[torch.from_numpy(classes)] = 9
        self.objectives = _objectives(registry, model, sample, ontology, counts)
        self.records = sample.records
        lengths = np.array([len(record) for record in sample.records])
        self.batches = cut_by_budget(np.arange(len(lengths)), lengths, tokens, None)
        self.collate = Collator(
            vectors,
            structure.featurizer,
            BatchTargets(
                go_sets=_go_sets(sample, classes, counts), spans=SpanLabels.of(sample.vocabulary)
            ),
            BatchConfig(
                tokens_per_batch=tokens,
                crop_residues=None,
                structure_dropout=0.0,
                sequence_dropout=0.0,
                go_dropout=0.0,
            ),
        )
        self.optimizer = build_optimizer(self, optimizer.model_copy(update={"lookahead": None}))
        self.chance = torch.Generator().manual_seed(seed)
        self.taken = 0

    def learn(self, *, mixed: bool, moves: bool = True) -> dict[str, float]:
        """Forward and backward pass of all batches, then a step of the optimizer.

        Parameters
        ----------
        mixed
            Under autocast to bfloat16; False: in float32.
        moves
            Whether the optimizer steps; else gradients are left on the parameters.

        Returns
        -------
        dict
            Means over the batches of the losses by objective, and of their sum, "total".
        """
        found: list[dict[str, float]] = []
        for rows in self.batches:
            batch = self.collate([self.records[row] for row in rows], rows, self.taken)
            batch = self.objectives.corrupt(batch, self.chance)
            with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
                result = self.objectives(self.model(batch), batch)
            (result.loss / len(self.batches)).backward()
            losses = {name: each.loss.item() for name, each in result.results.items()}
            found.append({**losses, "total": result.loss.item()})
        if moves:
            self.optimizer.step()
            self.optimizer.zero_grad()
        self.taken += 1
        return {name: sum(each[name] for each in found) / len(found) for name in found[0]}

    def blocks(self) -> dict[str, list[nn.Module]]:
        """Modules by block, named as the plain model's; "shared" is what it has not."""
        model = self.model
        exchange = model.exchange
        if exchange is None or model.sequence_stack is None:
            raise ValueError("model without go_exchange or sequence_stack; take MASSA's recipe")
        norms = [exchange.protein_norm, exchange.go_norm]
        return {
            "sequence": [model.streams["sequence"], model.sequence_stack],
            "structure": [_present(model.structure), model.streams["structure"]],
            "fusion": [model.layers, model.sum],
            "go": [exchange.terms],
            "protein_go": [exchange.of_protein, exchange.of_go, *norms, self.objectives],
            "shared": [model.pool, model.project_protein, _present(model.project_go)],
        }


def _present(module: nn.Module | None) -> nn.Module:
    if module is None:
        raise ValueError("model without structure or GO encoder; take MASSA's recipe")
    return module


def _structure_encoder(registry: Registry, model: ModelConfig) -> ResidueEncoder[Any]:
    if model.structure is None:
        raise ValueError("recipe without a structure encoder; take MASSA's")
    plugin, options = chosen_encoder(registry, Modality.STRUCTURE, model.structure)
    encoder: Any = plugin.build(options)
    found: ResidueEncoder[Any] = encoder
    return found


def _objectives(
    registry: Registry,
    model: ModelConfig,
    sample: Sample,
    ontology: GeneOntology,
    counts: torch.Tensor,
) -> TotalObjective:
    exchange = model.fusion.go_exchange
    context = ObjectiveContext(
        width=model.fusion.width,
        shared_dim=model.fusion.shared_dim,
        ontology=ontology,
        go_width=None if exchange is None else exchange.width,
        go_set_counts=counts,
        spans=sample.vocabulary,
    )
    return build_objectives(OBJECTIVES, registry, context)


def _go_sets(sample: Sample, classes: NDArray[np.int64], counts: torch.Tensor) -> GoSets:
    """Terms of the ontology in place of classes."""
    ends = np.cumsum([0, *(len(terms) for terms in sample.terms)])
    rows = [np.sort(classes[terms]) for terms in sample.terms]
    return GoSets(np.concatenate(rows), ends, counts.numpy())
