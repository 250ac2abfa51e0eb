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
from multiprot.data.span_labels import SpanLabels
from multiprot.data.synthetic_ontology import family_terms
from multiprot.data.targets import BatchTargets
from multiprot.encoders.contract import (
    NO_TERM,
    FusionOutputs,
    GoSet,
    GoTargets,
    ObjectiveContext,
    ProteinBatch,
    ResidueTokens,
    SpanVocabulary,
)
from multiprot.encoders.reference.plugins import (
    ResidueGeometryConfig,
    ResidueTransformerConfig,
    TermTableConfig,
)
from multiprot.encoders.reference.residue_geometry import ResidueGeometry
from multiprot.encoders.reference.residue_transformer import ResidueTransformer
from multiprot.encoders.reference.term_table import TermTable
from multiprot.fusion.config import FusionConfig, GoExchangeConfig
from multiprot.fusion.model import FusionModel
from multiprot.ontology import NAMESPACES
from multiprot.proteins import RESIDUE_LETTERS, FeatureSpan, ProteinRecord
from multiprot.testing.ontology import toy_ontology
from multiprot.testing.records import example_records
from multiprot.testing.trial_teachers import (
    reordered_teachings,
    trial_teachers,
    trial_teachings,
)

_GO_WIDTH = 8
_FUSION = FusionConfig(
    width=24,
    layers=1,
    heads=2,
    shared_dim=12,
    go_exchange=GoExchangeConfig(width=_GO_WIDTH, heads=2, set_layers=1, layers=1),
)
_ANNOTATED = 5
"""Of the seven proteins the last two have no annotation."""
_SPANNED = 10
"""Shorter proteins have no spans."""


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
        go_width=_GO_WIDTH,
        go_set_counts=torch.arange(len(ontology)),
        spans=trial_vocabulary(),
        teachers=trial_teachers(),
    )


def trial_vocabulary() -> SpanVocabulary:
    """Two names of each kind of span that the built-in objectives tag."""
    kinds = ("domain", "motif", "region")
    entries = tuple((kind, name) for kind in kinds for name in ("one", "other"))
    return SpanVocabulary(
        kinds=kinds,
        entries=entries,
        proteins=(9,) * len(entries),
        spans=(12,) * len(entries),
        singles=(0,) * len(entries),
        residues=(120,) * len(entries),
        known_residues=((kinds, 2700),),
    )


def trial_batch(model: FusionModel) -> ProteinBatch:
    """Seven generated proteins; one lacks a structure, two annotation, two one of the teachers."""
    records = example_records()
    collate = Collator(
        model.sequence.featurizer,  # type: ignore[union-attr]
        model.structure.featurizer,  # type: ignore[union-attr]
        BatchTargets(geometry=True, fold_states=True),
        BatchConfig(crop_residues=None),
        training=False,
    )
    batch = collate(records, np.arange(len(records)))
    return replace(
        batch,
        go=_targets(len(records)),
        go_set=_sets(len(records)),
        spans=SpanLabels.of(trial_vocabulary()).targets(
            [_with_spans(record) for record in records], [(0, len(r)) for r in records]
        ),
        taught=trial_teachings(batch.residue_mask),
    )


def _sets(proteins: int) -> GoSet:
    """Three terms of each annotated protein."""
    ontology = toy_ontology()
    terms = torch.full((proteins, 3), NO_TERM)
    for protein in range(_ANNOTATED):
        rows = sorted(ontology.row(term) for term in family_terms(protein).values())
        terms[protein, : len(rows)] = torch.tensor(rows)
    return GoSet(terms, terms, torch.zeros_like(terms, dtype=torch.bool))


def _with_spans(record: ProteinRecord) -> ProteinRecord:
    """The record with a span of each kind, where it is long enough."""
    if len(record) < _SPANNED:
        return record
    spans = [
        FeatureSpan(place, place + 5, kind, "one" if len(record) % 2 else "other")
        for place, kind in enumerate(trial_vocabulary().kinds)
    ]
    return replace(record, features=tuple(spans))


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
    masks = ("residue_mask", "masked_residues", "hidden_geometry")
    names = ("residues", "has_sequence", "has_structure", "fold_states", *masks)
    moved: dict[str, Any] = {name: _taken(getattr(batch, name), index) for name in names}
    for name in ("go_set", "geometry"):
        part = getattr(batch, name)
        moved[name] = None if part is None else part.taken(index)
    moved["taught"] = reordered_teachings(batch.taught, index)
    if batch.spans is not None:
        moved["spans"] = replace(
            batch.spans,
            protein=index.argsort()[batch.spans.protein],
            known=batch.spans.known[index],
        )
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
