"""A small fusion model and a batch for it: what objectives are tried on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multiprot.data.batch_config import BatchConfig
from multiprot.data.collate import Collator
from multiprot.data.synthetic_ontology import family_terms
from multiprot.encoders.contract import (
    FusionOutputs,
    GoTargets,
    ObjectiveContext,
    ProteinBatch,
    ResidueTokens,
)
from multiprot.encoders.reference.plugins import (
    ResidueGeometryConfig,
    ResidueTransformerConfig,
    TermTableConfig,
)
from multiprot.encoders.reference.residue_geometry import ResidueGeometry
from multiprot.encoders.reference.residue_transformer import ResidueTransformer
from multiprot.encoders.reference.term_table import TermTable
from multiprot.fusion import FusionConfig
from multiprot.fusion.model import FusionModel
from multiprot.ontology import NAMESPACES
from multiprot.proteins import RESIDUE_LETTERS
from multiprot.testing.ontology import toy_ontology
from multiprot.testing.records import example_records

_FUSION = FusionConfig(width=24, layers=1, heads=2, shared_dim=12)
_ANNOTATED = 5
"""Of the seven proteins the last two have no annotation."""


def trial_model(seed: int = 0) -> FusionModel:
    """The model in training mode, without dropout."""
    torch.manual_seed(seed)
    go = TermTable(TermTableConfig(width=8))
    go.bind(toy_ontology())
    return FusionModel(
        _FUSION,
        ResidueTransformer(ResidueTransformerConfig(width=16, layers=1, heads=2, dropout=0.0)),
        ResidueGeometry(ResidueGeometryConfig(width=16, layers=1, neighbours=6, dropout=0.0)),
        go,
    ).train()


def trial_context() -> ObjectiveContext:
    """Widths of the model, and frequencies of a corpus in which some terms were never seen."""
    ontology = toy_ontology()
    frequencies = torch.linspace(0.9, 0.02, len(ontology))
    frequencies[3] = 0.0
    return ObjectiveContext(
        width=_FUSION.width,
        shared_dim=_FUSION.shared_dim,
        ontology=ontology,
        term_frequencies=frequencies,
        residue_frequencies=torch.full((len(RESIDUE_LETTERS),), 1 / len(RESIDUE_LETTERS)),
    )


def trial_batch(model: FusionModel) -> ProteinBatch:
    """Seven generated proteins; one lacks a structure, two lack annotation."""
    records = example_records()
    collate = Collator(
        model.sequence.featurizer,  # type: ignore[union-attr]
        model.structure.featurizer,  # type: ignore[union-attr]
        None,
        BatchConfig(crop_residues=None),
        training=False,
    )
    batch = collate(records, np.arange(len(records)))
    return replace(batch, go=_targets(len(records)))


def _targets(proteins: int) -> GoTargets:
    ontology = toy_ontology()
    roots = set(np.flatnonzero(ontology.depth == 0).tolist())
    terms = torch.tensor([row for row in range(len(ontology)) if row not in roots])
    positive = torch.zeros(proteins, len(terms), dtype=torch.bool)
    known = torch.zeros(proteins, len(NAMESPACES), dtype=torch.bool)
    for protein in range(_ANNOTATED):
        true = {ontology.row(t) for t in ontology.propagate(family_terms(protein).values())}
        positive[protein] = torch.tensor([int(row) in true for row in terms])
        known[protein] = True
    return GoTargets(terms, torch.tensor(ontology.namespace_index[terms.numpy()]), positive, known)


def reordered(
    outputs: FusionOutputs, batch: ProteinBatch, order: Sequence[int]
) -> tuple[FusionOutputs, ProteinBatch]:
    """Outputs and targets with the proteins in another order; the encoders' features stay."""
    index, terms = torch.tensor(list(order)), ("go_terms", "go_projected")
    parts = {f.name: getattr(outputs, f.name) for f in fields(outputs) if f.name not in terms}
    shuffled = replace(outputs, **{name: _taken(part, index) for name, part in parts.items()})
    names = ("residues", "residue_mask", "has_sequence", "has_structure", "masked_residues")
    moved: dict[str, Any] = {name: _taken(getattr(batch, name), index) for name in names}
    if batch.go is not None:
        moved["go"] = replace(
            batch.go, positive=batch.go.positive[index], known=batch.go.known[index]
        )
    ids = tuple(batch.ids[row] for row in order)
    return shuffled, replace(batch, ids=ids, **moved)


def _taken(part: Any, index: Tensor) -> Any:
    if isinstance(part, ResidueTokens):
        return ResidueTokens(part.values[index], part.mask[index])
    return None if part is None else part[index]
