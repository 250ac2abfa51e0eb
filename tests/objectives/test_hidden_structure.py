"""What of a hidden residue is still seen: of its geometry the place, of its letter nothing.

And what `legacy` leaves to be seen: everything that the sequence encoder told the neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from multiprot.data import BatchConfig
from multiprot.data.collate import Collator
from multiprot.data.geometry_targets import geometry_targets
from multiprot.encoders.contract import (
    HideableGeometry,
    Layout,
    ProteinBatch,
    ResidueEncoder,
    ResidueTokens,
)
from multiprot.encoders.plugin import Modality
from multiprot.encoders.reference.plugins import ResidueTransformerConfig
from multiprot.encoders.reference.residue_transformer import ResidueTransformer
from multiprot.encoders.registry import Registry
from multiprot.errors import PluginError
from multiprot.fusion.model import FusionModel
from multiprot.fusion.tokens import shown_tokens
from multiprot.objectives.configs import DihedralConfig, MaskedResidueConfig
from multiprot.objectives.dihedral import Dihedral
from multiprot.objectives.masked_residue import MaskedResidue
from multiprot.proteins import AMINO_ACIDS, ProteinRecord
from multiprot.testing import example_records
from tests.fusion.fakes import SMALL, make_batch, make_context

OWN_GEOMETRY = {
    "gvp": ("scalars", "vectors"),
    "gin-residue-graph": ("dihedrals", "defined"),
    "gearnet": ("dihedrals", "defined"),
    "residue-geometry": ("frames", "dihedrals"),
}
"""Tensors in which each structure encoder is told of single residues."""

RECORDS = tuple(record for record in example_records() if record.structure is not None)
HIDING = {"substitute_share": 0.0, "keep_share": 0.0}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover()


def structure_encoder(registry: Registry, name: str, **options: Any) -> ResidueEncoder[Any]:
    """A small one, each parameter noise, so that nothing is idle; skips where it is not there."""
    if name not in registry.names("multiprot.structure_encoders"):
        pytest.skip(f"no structure encoder {name}; next: install its plugin")
    plugin = registry.encoder(Modality.STRUCTURE, name)
    torch.manual_seed(0)
    built = plugin.build(plugin.config(**{**plugin.tiny_options, **options})).eval()
    assert isinstance(built, ResidueEncoder)
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return built


def padded_mask(rate: float, seed: int = 0) -> Tensor:
    """Residues to hide, also where nothing was seen; none behind a protein's end."""
    longest = max(map(len, RECORDS))
    lots = torch.rand(len(RECORDS), longest, generator=torch.Generator().manual_seed(seed))
    return (lots < rate) & (torch.arange(longest) < torch.tensor([*map(len, RECORDS)])[:, None])


def is_graph(features: Any) -> bool:
    return hasattr(features, "graph")


def parts_of(features: Any, name: str) -> dict[str, Tensor]:
    holder = features.graph if is_graph(features) else features
    return {part: getattr(holder, part) for part in OWN_GEOMETRY[name]}


def hidden_rows(features: Any, hidden: Tensor) -> Tensor:
    """bool [row of the features' own tensors], one residue after another."""
    lengths = [len(record) for record in RECORDS]
    flat = torch.cat([row[:length] for row, length in zip(hidden, lengths, strict=True)])
    if not is_graph(features):
        return flat
    table = flat if features.offsets is not None else hidden.flatten()
    return table[features.graph.rows]


def with_other_geometry(features: Any, name: str, rows: Tensor) -> Any:
    """The features with rubbish in what is told of `rows` alone."""
    holder = copy(features.graph) if is_graph(features) else features
    changed = {}
    for part, values in parts_of(features, name).items():
        other = ~values if values.dtype == torch.bool else values * -2.0 + 3.0
        changed[part] = torch.where(rows.view(-1, *[1] * (values.ndim - 1)), other, values)
    if not is_graph(features):
        return replace(holder, **changed)
    for part, values in changed.items():
        setattr(holder, part, values)
    return replace(features, graph=holder)


def tokens_of(encoder: ResidueEncoder[Any], features: Any) -> Tensor:
    with torch.no_grad():
        values: Tensor = encoder(features).values
    return values


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("name", OWN_GEOMETRY)
def test_tokens_do_not_depend_on_a_hidden_residues_own_geometry(
    registry: Registry, name: str, layout: Layout
) -> None:
    encoder, hidden = structure_encoder(registry, name), padded_mask(0.3)
    features = encoder.featurizer(RECORDS, layout)
    assert isinstance(features, HideableGeometry)
    rows = hidden_rows(features, hidden)
    assert 0 < rows.sum() < len(rows)
    other = with_other_geometry(features, name, rows)
    shown = tokens_of(encoder, features)
    assert not torch.allclose(tokens_of(encoder, other), shown, atol=1e-3)
    unseen = tokens_of(encoder, features.hide_geometry(hidden))
    assert torch.equal(tokens_of(encoder, other.hide_geometry(hidden)), unseen)
    assert unseen.isfinite().all()
    assert not torch.allclose(unseen, shown, atol=1e-3)


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("name", OWN_GEOMETRY)
def test_hiding_leaves_the_original_and_all_other_residues_as_they_were(
    registry: Registry, name: str, layout: Layout
) -> None:
    encoder, hidden = structure_encoder(registry, name), padded_mask(0.3)
    features = encoder.featurizer(RECORDS, layout)
    before = {part: values.clone() for part, values in parts_of(features, name).items()}
    after = parts_of(features.hide_geometry(hidden), name)
    rows = hidden_rows(features, hidden)
    for part, values in parts_of(features, name).items():
        assert torch.equal(values, before[part]), part
        assert torch.equal(after[part][~rows], before[part][~rows]), part
        assert not after[part][rows].any(), part
        assert before[part][rows].any(), part
    nothing = features.hide_geometry(torch.zeros_like(hidden))
    assert torch.equal(tokens_of(encoder, nothing), tokens_of(encoder, features))


def model_of(structure: ResidueEncoder[Any]) -> FusionModel:
    torch.manual_seed(0)
    sequence = ResidueTransformer(
        ResidueTransformerConfig(width=16, layers=2, heads=2, dropout=0.0)
    )
    with torch.no_grad():
        for parameter in sequence.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return FusionModel(SMALL, sequence, structure, None).eval()


def batch_of(model: FusionModel, records: Sequence[ProteinRecord] = RECORDS) -> ProteinBatch:
    assert model.sequence is not None
    assert model.structure is not None
    collate = Collator(
        model.sequence.featurizer,
        model.structure.featurizer,
        None,
        BatchConfig(crop_residues=None),
        training=False,
    )
    return collate(records, np.arange(len(records)))


def objective(**options: Any) -> MaskedResidue:
    torch.manual_seed(0)
    return MaskedResidue(MaskedResidueConfig(**options), make_context())


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def hidden_of(batch: ProteinBatch) -> Tensor:
    assert batch.masked_residues is not None
    return batch.masked_residues


def run(model: FusionModel, batch: ProteinBatch) -> dict[str, Tensor]:
    with torch.no_grad():
        outputs = model(batch)
    return {
        "sequence": outputs.sequence_tokens.values,
        "structure": outputs.structure_tokens.values,
        "fused": outputs.fused_tokens.values,
        "protein": outputs.protein,
    }


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("name", OWN_GEOMETRY)
def test_the_objective_hides_geometry_where_it_is_told_to(
    registry: Registry, name: str, wanted: bool
) -> None:
    model = model_of(structure_encoder(registry, name))
    batch = batch_of(model)
    chosen = objective(rate=0.3, hide_structure=wanted, **HIDING)
    corrupted = chosen.corrupt(batch, rng())
    rows = hidden_rows(batch.structure, hidden_of(corrupted))
    spoiled = replace(batch, structure=with_other_geometry(batch.structure, name, rows))
    other = chosen.corrupt(spoiled, rng())
    assert torch.equal(hidden_of(other), hidden_of(corrupted))
    first, second = run(model, corrupted), run(model, other)
    for part in ("structure", "fused", "protein"):
        assert torch.equal(first[part], second[part]) is wanted, part


@pytest.mark.parametrize("name", OWN_GEOMETRY)
def test_dihedrals_to_be_guessed_are_told_by_no_encoder(registry: Registry, name: str) -> None:
    model = model_of(structure_encoder(registry, name))
    whole = [(0, len(record)) for record in RECORDS]
    geometry = geometry_targets(RECORDS, whole, range(len(RECORDS)))
    batch = replace(batch_of(model), geometry=geometry)
    chosen = Dihedral(DihedralConfig(rate=0.3), make_context())
    corrupted = chosen.corrupt(batch, rng())
    assert corrupted.hidden_geometry is not None
    rows = hidden_rows(batch.structure, corrupted.hidden_geometry)
    spoiled = replace(batch, structure=with_other_geometry(batch.structure, name, rows))
    first, second = run(model, corrupted), run(model, chosen.corrupt(spoiled, rng()))
    shown = run(model, batch)
    for part in ("structure", "fused", "protein"):
        assert torch.equal(first[part], second[part]), part
        assert not torch.allclose(first[part], shown[part], atol=1e-4), part


def test_the_option_changes_nothing_of_what_is_hidden_in_the_sequence(registry: Registry) -> None:
    model = model_of(structure_encoder(registry, "residue-geometry"))
    batch = batch_of(model)
    plain, deep = (objective(hide_structure=hide).corrupt(batch, rng()) for hide in (False, True))
    assert torch.equal(hidden_of(plain), hidden_of(deep))
    assert torch.equal(run(model, plain)["sequence"], run(model, deep)["sequence"])


def test_features_that_cannot_hide_geometry_are_named() -> None:
    batch = make_batch()
    with pytest.raises(PluginError, match=r"FakeStructureFeatures .*has no `hide_geometry`"):
        objective(hide_structure=True).corrupt(batch, rng())
    without = replace(batch, structure=None)
    assert hidden_of(objective(hide_structure=True).corrupt(without, rng())).any()


def test_graphs_that_do_not_say_what_is_their_own_are_named(registry: Registry) -> None:
    encoder = structure_encoder(registry, "gvp")
    features = encoder.featurizer(RECORDS, Layout.PADDED)

    class Silent(type(features)):  # type: ignore[misc]
        own_geometry = ()

    silent = Silent(features.graph, features.mask)
    with pytest.raises(PluginError, match="Silent names no own_geometry"):
        silent.hide_geometry(padded_mask(0.3))


def mutated(hidden: Tensor) -> tuple[ProteinRecord, ...]:
    """The records with another amino acid in each hidden place."""
    found = []
    for record, row in zip(RECORDS, hidden.tolist(), strict=True):
        letters = [
            AMINO_ACIDS[(AMINO_ACIDS.index(letter) + 1) % 20] if unseen else letter
            for letter, unseen in zip(record.sequence, row, strict=False)
        ]
        found.append(replace(record, sequence="".join(letters)))
    return tuple(found)


@pytest.mark.parametrize("name", ["gvp", "gin-residue-graph", "gearnet"])
def test_no_bit_of_any_token_depends_on_a_hidden_letter(registry: Registry, name: str) -> None:
    """Neighbours included, in both streams: this structure encoder is told letters, too."""
    model = model_of(structure_encoder(registry, name, residues=True))
    chosen = objective(rate=0.3, hide_structure=True, **HIDING)
    corrupted = chosen.corrupt(batch_of(model), rng())
    others = batch_of(model, mutated(hidden_of(corrupted)))
    again = chosen.corrupt(others, rng())
    assert torch.equal(hidden_of(again), hidden_of(corrupted))
    assert torch.equal(again.residues != corrupted.residues, hidden_of(corrupted))
    first, second, told = run(model, corrupted), run(model, again), run(model, others)
    for part, values in first.items():
        assert torch.equal(values, second[part]), part
        assert not torch.allclose(values, told[part], atol=1e-4), part


@pytest.fixture(scope="module")
def reference(registry: Registry) -> FusionModel:
    """A model of the reference encoders: the structure encoder is told no letter."""
    return model_of(structure_encoder(registry, "residue-geometry"))


def test_legacy_shows_the_sequence_encoder_every_letter(reference: FusionModel) -> None:
    batch = batch_of(reference)
    corrupted = objective(legacy=True).corrupt(batch, rng())
    assert corrupted.sequence is batch.sequence
    assert corrupted.structure is batch.structure
    assert batch.token_sources is None
    assert torch.equal(hidden_of(corrupted), hidden_of(objective().corrupt(batch, rng())))


def test_legacy_replaces_hidden_tokens_and_no_others(reference: FusionModel) -> None:
    batch = batch_of(reference)
    corrupted = objective(legacy=True, rate=0.5, substitute_share=0.4).corrupt(batch, rng())
    sources, hidden = corrupted.token_sources, hidden_of(corrupted)
    assert sources is not None
    assert reference.sequence is not None
    with torch.no_grad():
        raw = reference.sequence(batch.sequence)
        found = reference(corrupted).sequence_tokens.values
        whole = reference(batch).sequence_tokens.values
        constant = torch.full((1, 1, raw.values.shape[-1]), 1e-3)
        one = torch.ones(1, 1, dtype=torch.bool)
        blank = reference.streams["sequence"](ResidueTokens(constant, one)).values[0, 0]
    kinds = {"constant": 0, "own": 0, "other": 0}
    for protein, record in enumerate(RECORDS):
        for residue in range(len(record)):
            source = int(sources[protein, residue])
            token = found[protein, residue]
            if source == -1:
                kinds["constant"] += 1
                torch.testing.assert_close(token, blank)
            else:
                kinds["own" if source == residue else "other"] += 1
                assert source < len(record)
                assert torch.equal(token, whole[protein, source])
            assert source == residue or hidden[protein, residue]
    assert min(kinds.values()) > 0
    assert torch.equal(found[~hidden], whole[~hidden])
    assert hidden.any()


def test_the_constant_is_that_of_the_released_code() -> None:
    """A norm behind the encoder makes any other constant the same to the model."""
    values = torch.randn(1, 3, 4, generator=rng())
    tokens = ResidueTokens(values, torch.tensor([[True, True, False]]))
    shown = shown_tokens(tokens, torch.tensor([[-1, 0, 2]]))
    assert shown.values[0, 0].tolist() == pytest.approx([0.001] * 4)
    assert torch.equal(shown.values[0, 1:], values[0, [0, 2]])
    assert torch.equal(shown.mask, tokens.mask)


def test_legacy_draws_evenly_among_a_proteins_residues() -> None:
    batch = make_batch((10,) * 400)
    options = {"rate": 1.0, "substitute_share": 1.0, "keep_share": 0.0}
    sources = objective(legacy=True, **options).corrupt(batch, rng()).token_sources
    assert sources is not None
    counts = torch.bincount(sources.flatten(), minlength=10).float()
    assert len(counts) == 10
    assert counts.min() > 0.7 * counts.mean()
    assert counts.max() < 1.3 * counts.mean()


def test_legacy_lets_neighbours_tell_what_is_hidden(reference: FusionModel) -> None:
    """The fault of the released code, kept for comparison: contextual tokens hold the answer."""
    chosen = objective(legacy=True, rate=0.1, **HIDING)
    corrupted = chosen.corrupt(batch_of(reference), rng())
    hidden = hidden_of(corrupted)
    again = chosen.corrupt(batch_of(reference, mutated(hidden)), rng())
    first, second = (run(reference, each)["sequence"] for each in (corrupted, again))
    assert torch.equal(hidden_of(again), hidden)
    assert torch.equal(first[hidden], second[hidden])
    neighbours = torch.nn.functional.pad(hidden, (1, 0))[:, :-1] & ~hidden & corrupted.residue_mask
    assert (first[neighbours] != second[neighbours]).any(dim=-1).all()


def test_legacy_hides_geometry_where_it_is_told_to(reference: FusionModel) -> None:
    batch = batch_of(reference)
    corrupted = objective(legacy=True, hide_structure=True).corrupt(batch, rng())
    assert corrupted.structure is not batch.structure
    dihedrals = parts_of(corrupted.structure, "residue-geometry")["dihedrals"]
    assert not dihedrals[hidden_rows(batch.structure, hidden_of(corrupted))].any()


def test_tokens_that_are_their_own_sources_stay(
    reference: FusionModel,
) -> None:
    batch = batch_of(reference)
    own = torch.arange(batch.residues.shape[1]).expand_as(batch.residues)
    first, second = run(reference, batch), run(reference, replace(batch, token_sources=own))
    for part, values in first.items():
        assert torch.equal(values, second[part]), part
