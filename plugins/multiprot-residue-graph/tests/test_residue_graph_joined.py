"""The residue graph joined with sequence tokens: STEPS' whole structure encoder in a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from multiprot.bundle import load_bundle, save_bundle
from multiprot.data import BatchConfig
from multiprot.data.collate import Collator
from multiprot.embedding import Embedder
from multiprot.embedding.models.open import open_model
from multiprot.embedding.options import EmbedOptions
from multiprot.encoders.contract import (
    FusionOutputs,
    Layout,
    ProteinBatch,
    ReadsSequenceTokens,
    ResidueTokens,
)
from multiprot.encoders.registry import Registry
from multiprot.errors import ConfigError, PluginError
from multiprot.fusion import FusionModel, ModelConfig, build_model
from multiprot.proteins import ProteinRecord
from multiprot.testing import example_records
from multiprot_residue_graph.gin import inverse_square
from multiprot_residue_graph.gin_encoder import GinEncoder
from multiprot_residue_graph.joined_encoder import JoinedGinEncoder
from multiprot_residue_graph.options import GinOptions
from multiprot_residue_graph.plugin import gin_residue_graph

RECORDS = example_records()
BEARING = tuple(r for r in RECORDS if r.structure is not None and r.structure.resolved.any())
CHANNELS = 6


def config(**options: Any) -> ModelConfig:
    """STEPS without attention: sequence tokens, and the graph that reads them, summed."""
    chosen = {"width": 12, "dropout": 0.0, "sequence_tokens": "joined", **options}
    return ModelConfig.model_validate(
        {
            "sequence": {
                "name": "residue-transformer",
                "options": {"width": 8, "layers": 1, "heads": 2, "dropout": 0.0},
            },
            "structure": {"name": "gin-residue-graph", "options": chosen},
            "fusion": {"width": 16, "layers": 0, "heads": 2, "pooling_heads": 2, "shared_dim": 8},
        }
    )


def model(**options: Any) -> FusionModel:
    torch.manual_seed(0)
    built = build_model(config(**options), Registry.discover()).eval()
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return built


def batch_of(
    built: FusionModel, records: tuple[ProteinRecord, ...] = RECORDS, **options: Any
) -> ProteinBatch:
    assert built.sequence is not None
    assert built.structure is not None
    origins = (built.sequence.featurizer, built.structure.featurizer)
    collate = Collator(*origins, None, BatchConfig(crop_residues=None), training=False, **options)
    return collate(records, np.arange(len(records)))


def run(built: FusionModel, batch: ProteinBatch) -> FusionOutputs:
    with torch.no_grad():
        outputs: FusionOutputs = built(batch)
    return outputs


def structure_tokens(built: FusionModel, batch: ProteinBatch) -> Tensor:
    tokens = run(built, batch).structure_tokens
    assert tokens is not None
    return tokens.values


def bound(**options: Any) -> JoinedGinEncoder:
    torch.manual_seed(0)
    encoder = JoinedGinEncoder(GinOptions(width=12, sequence_tokens="joined", **options)).eval()
    encoder.bind_sequence(CHANNELS)
    return encoder


def some_tokens(records: tuple[ProteinRecord, ...], *, learning: bool = False) -> ResidueTokens:
    longest = max(map(len, records))
    mask = torch.arange(longest) < torch.tensor([*map(len, records)])[:, None]
    values = torch.randn(*mask.shape, CHANNELS, generator=torch.Generator().manual_seed(3))
    return ResidueTokens(torch.where(mask[..., None], values, 0.0).requires_grad_(learning), mask)


@pytest.mark.parametrize("way", ["full", "residual"])
@pytest.mark.parametrize("layout", Layout)
def test_tokens_are_the_formula_with_both_side_by_side(way: str, layout: Layout) -> None:
    """One linear map of [norm of the sequence token, dihedrals]; a stop changes no value."""
    encoder, shown = bound(update="linear", sequence_gradient=way), some_tokens(BEARING)
    features = encoder.featurizer(BEARING, layout)
    graph, joined = features.graph, encoder.sequence_input
    assert joined is not None
    assert encoder.input.dihedral is not None
    where = torch.cat([torch.arange(len(record)) for record in BEARING])
    whose = torch.repeat_interleave(torch.tensor([*map(len, BEARING)]))
    mine = graph.rows
    if layout is Layout.PADDED:
        where = torch.arange(shown.mask.shape[1]).repeat(len(BEARING))
        whose = torch.arange(len(BEARING)).repeat_interleave(shown.mask.shape[1])
    angles = graph.dihedrals
    circle = torch.cat([angles.sin(), angles.cos()], dim=1) * graph.defined.repeat(1, 2)
    dihedrals = torch.cat([circle, graph.defined], dim=1)
    normed = torch.nn.functional.layer_norm(shown.values[whose[mine], where[mine]], (CHANNELS,))
    side_by_side = torch.cat([normed, dihedrals], dim=1)
    weight = torch.cat([joined.linear.weight, encoder.input.dihedral.weight], dim=1)
    start = side_by_side @ weight.T + joined.linear.bias + encoder.input.dihedral.bias
    states, edges = start, graph.edge_index
    for layer in encoder.gin.layers:
        states = layer(states, edges, inverse_square(graph.distances, encoder.epsilon))
    found = encoder(features, shown)
    torch.testing.assert_close(found.values[found.mask], states + start, rtol=1e-4, atol=1e-5)


def test_with_the_stop_gradients_reach_the_sequence_by_the_residual_alone() -> None:
    record = BEARING[:1]
    grads = {}
    for way in ("full", "residual"):
        encoder, shown = bound(sequence_gradient=way), some_tokens(record, learning=True)
        found = encoder(encoder.featurizer(record, Layout.PADDED), shown).values
        # Of one residue's token: whatever reaches another residue came through the layers.
        found[0, 5].sum().backward()
        assert shown.values.grad is not None
        grads[way] = shown.values.grad[0].abs().sum(dim=-1)
        assert all(part.grad is not None for part in encoder.parameters())
    assert grads["residual"].nonzero().flatten().tolist() == [5]
    assert (grads["full"] > 0).sum() > 3


def test_the_sequence_encoder_learns_either_way_and_less_with_the_stop() -> None:
    norms = {}
    for way in ("full", "residual"):
        built = model(sequence_gradient=way)
        outputs = built(batch_of(built))
        assert outputs.structure_tokens is not None
        (outputs.structure_tokens.values * torch.linspace(-1, 1, 16)).sum().backward()
        assert built.sequence is not None
        grads = [p.grad for p in built.sequence.parameters() if p.grad is not None]
        assert any(grad.any() for grad in grads)
        norms[way] = torch.cat([grad.flatten() for grad in grads])
    assert not torch.allclose(norms["full"], norms["residual"], rtol=0.1)


def test_a_hidden_sequence_does_not_leak() -> None:
    """Withheld, masked or replaced behind the mask: structure tokens are those of the backbone."""
    built = model()
    others = tuple(replace(r, sequence="W" * len(r)) for r in RECORDS)
    here, there = (structure_tokens(built, batch_of(built, r)) for r in (RECORDS, others))
    assert not torch.allclose(here, there, atol=1e-3)
    unseen = [
        structure_tokens(built, batch_of(built, records, withhold_sequence=True))
        for records in (RECORDS, others)
    ]
    assert torch.equal(*unseen)
    everywhere = batch_of(built).residue_mask
    masked = []
    for records in (RECORDS, others):
        batch = batch_of(built, records)
        assert batch.sequence is not None
        nothing = torch.full(everywhere.shape, -1)
        hidden: Any = batch.sequence
        hidden = hidden.mask_residues(everywhere, nothing)
        masked.append(structure_tokens(built, replace(batch, sequence=hidden)))
    assert torch.equal(*masked)


def test_tokens_that_an_objective_hides_are_hidden_here_too() -> None:
    """The legacy way of masked-residue replaces tokens, not letters."""
    built = model()
    batch = batch_of(built, BEARING[:1])
    sources = torch.full(batch.residues.shape, -1)
    first, second = (
        structure_tokens(built, replace(batch_of(built, records), token_sources=sources))
        for records in (BEARING[:1], (replace(BEARING[0], sequence="W" * len(BEARING[0])),))
    )
    assert torch.equal(first, second)


def test_one_protein_without_sequence_is_as_with_no_sequence_at_all() -> None:
    built = model()
    batch = batch_of(built)
    keeps = torch.tensor([False, True, True, True, True, True, True])
    found = structure_tokens(built, replace(batch, has_sequence=keeps))
    none = structure_tokens(built, batch_of(built, withhold_sequence=True))
    whole = structure_tokens(built, batch)
    assert torch.equal(found[0], none[0])
    assert torch.equal(found[1:], whole[1:])


@pytest.mark.parametrize("number", range(len(BEARING)))
def test_alone_as_in_a_batch_and_with_padding(number: int) -> None:
    built = model()
    record, tokens = BEARING[number], structure_tokens(built, batch_of(built, BEARING))
    alone = structure_tokens(built, batch_of(built, (record,)))
    torch.testing.assert_close(tokens[number, : len(record)], alone[0], rtol=1e-4, atol=1e-5)
    together, single = (run(built, batch_of(built, r)).protein for r in (BEARING, (record,)))
    torch.testing.assert_close(together[number], single[0], rtol=1e-4, atol=1e-5)


def test_bundle_and_embedding_from_either_or_both(tmp_path: Path) -> None:
    built = model()
    path = save_bundle(tmp_path / "steps", model=built, model_config=config(), provenance={})
    loaded = load_bundle(path)
    weights = loaded.model.state_dict()
    assert all(torch.equal(part, weights[name]) for name, part in built.state_dict().items())
    assert any("sequence_input" in name for name in weights)
    vectors = {}
    for modalities in ("sequence", "structure", "all"):
        options = EmbedOptions.model_validate({"modalities": modalities})
        embedder = Embedder.from_bundle(load_bundle(path), options=options)
        vectors[modalities] = embedder.embed(BEARING).vectors
    batches = {
        "sequence": batch_of(built, tuple(replace(r, structure=None) for r in BEARING)),
        "structure": batch_of(built, BEARING, withhold_sequence=True),
        "all": batch_of(built, BEARING),
    }
    for modalities, batch in batches.items():
        wanted = run(built, batch).protein.numpy()
        np.testing.assert_allclose(vectors[modalities], wanted, rtol=1e-3, atol=1e-4)
    assert not np.allclose(vectors["all"], vectors["sequence"], atol=1e-3)
    assert not np.allclose(vectors["all"], vectors["structure"], atol=1e-3)


def test_without_a_sequence_encoder_it_is_refused() -> None:
    alone = config().model_copy(update={"sequence": None})
    with pytest.raises(ConfigError, match=r"gin-residue-graph.*sequence is null"):
        build_model(alone, Registry.discover())
    with pytest.raises(ConfigError, match="reads the tokens of a sequence encoder"):
        open_model(
            "gin-residue-graph",
            EmbedOptions(),
            torch.device("cpu"),
            encoder_options=["sequence_tokens=joined"],
        )
    encoder: Any = gin_residue_graph.build(GinOptions(sequence_tokens="joined"))
    with pytest.raises(PluginError, match="bound to none"):
        encoder(encoder.featurizer(BEARING, Layout.PADDED))


def test_only_a_joined_encoder_reads_sequence_tokens() -> None:
    plain = gin_residue_graph.build(GinOptions())
    assert type(plain) is GinEncoder
    assert not isinstance(plain, ReadsSequenceTokens)
    assert isinstance(bound(), ReadsSequenceTokens)
    with pytest.raises(PluginError, match="6 channels and cannot be bound to 7"):
        bound().bind_sequence(7)
    encoder = bound()
    before = encoder.sequence_input
    encoder.bind_sequence(CHANNELS)
    assert encoder.sequence_input is before


def test_a_stop_without_joined_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="sequence_tokens: none"):
        GinOptions(sequence_gradient="residual")
