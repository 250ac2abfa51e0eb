"""A bundle of a model with all of MASSA's parts: the same model again, within its own limits."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from multiprot.bundle import Bundle, BundleExtras, TrainedObjectives, load_bundle, save_bundle
from multiprot.bundle import format as layout
from multiprot.data import BatchConfig
from multiprot.data.collate import Collator
from multiprot.data.span_labels import SpanLabels
from multiprot.data.synthetic_ontology import family_terms
from multiprot.embedding import Embedder, EmbedOptions
from multiprot.encoders.contract import (
    NO_TERM,
    GoSet,
    ObjectiveContext,
    ProteinBatch,
    SpanVocabulary,
)
from multiprot.encoders.plugin import Modality
from multiprot.encoders.registry import Registry
from multiprot.encoders.section import ObjectiveSection
from multiprot.encoders.tensor_files import load_tensors
from multiprot.errors import EmbeddingError
from multiprot.fusion import FusionModel, ModelConfig
from multiprot.fusion.joined import Concatenation
from multiprot.fusion.pooling import NormSoftmaxPool
from multiprot.objectives import TotalObjective, build_objectives
from multiprot.proteins import RESIDUE_LETTERS, FeatureSpan, ProteinRecord
from multiprot.testing import example_records
from tests.embedding.proteins import close, long_record
from tests.tiny_model import CONFIG, MAX_RESIDUES, PROVENANCE, tiny_model, tiny_ontology

POSITIONS = 60
GO_WIDTH = 8
FUSION = {
    **CONFIG["fusion"],
    "layers": 2,
    "residues": "self-attention",
    "pooling": "norm-softmax",
    "sequence_stack": {"positions": POSITIONS, "layers": 2, "kernel": 5},
    "go_exchange": {"width": GO_WIDTH, "heads": 2, "set_layers": 1, "layers": 2},
}
VOCABULARY = SpanVocabulary(
    kinds=("domain", "motif", "region"),
    entries=(("domain", "d 1"), ("domain", "Domäne"), ("motif", "m"), ("region", "r")),
    proteins=(20, 12, 9, 8),
    spans=(25, 12, 10, 9),
    singles=(0,) * 4,
    residues=(700, 160, 60, 45),
    known_residues=((("domain",), 2500), (("motif",), 700), (("region",), 900)),
)
SECTIONS = [
    ObjectiveSection(name="masked-residue", options={"hide_structure": True}),
    ObjectiveSection(name="masked-go", options={"min_proteins": 3}),
    ObjectiveSection(name="motif-tagging"),
    ObjectiveSection(name="domain-tagging", weight=0.5),
    ObjectiveSection(name="region-tagging", options={"legacy": True}),
]


def massa_config(**fusion: Any) -> ModelConfig:
    return ModelConfig.model_validate({**CONFIG, "fusion": {**FUSION, **fusion}})


def massa_context() -> ObjectiveContext:
    ontology = tiny_ontology()
    return ObjectiveContext(
        width=FUSION["width"],
        shared_dim=FUSION["shared_dim"],
        ontology=ontology,
        residue_frequencies=torch.full((len(RESIDUE_LETTERS),), 1 / len(RESIDUE_LETTERS)),
        go_width=GO_WIDTH,
        go_set_counts=torch.arange(len(ontology)),
        spans=VOCABULARY,
    )


def massa_objectives() -> TotalObjective:
    """With noise on every parameter, as training leaves them."""
    torch.manual_seed(1)
    total = build_objectives(SECTIONS, Registry.discover(), massa_context())
    with torch.no_grad():
        for parameter in total.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return total.eval()


def save_massa(path: Path, config: ModelConfig) -> Bundle:
    trained = TrainedObjectives(
        sections=SECTIONS, module=massa_objectives(), context=massa_context()
    )
    save_bundle(
        path,
        model=tiny_model(config),
        model_config=config,
        ontology=tiny_ontology(),
        provenance=PROVENANCE,
        extras=BundleExtras(objectives=trained),
    )
    return load_bundle(path)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return save_massa(tmp_path_factory.mktemp("massa") / "bundle", massa_config())


def spanned(record: ProteinRecord) -> ProteinRecord:
    """The record with a span of each entry that fits."""
    spans = [
        FeatureSpan(2 * number, 2 * number + 5, *entry)
        for number, entry in enumerate(VOCABULARY.entries)
        if 2 * number + 5 <= len(record)
    ]
    return replace(record, features=tuple(spans))


def massa_batch(model: FusionModel) -> ProteinBatch:
    """Seven proteins, three with GO terms to read, with spans to tag."""
    records = [spanned(record) for record in example_records()]
    assert model.sequence is not None
    assert model.structure is not None
    collate = Collator(
        model.sequence.featurizer,
        model.structure.featurizer,
        None,
        BatchConfig(crop_residues=None),
        training=False,
    )
    batch = collate(records, np.arange(len(records)))
    ontology = tiny_ontology()
    terms = torch.full((len(records), 3), NO_TERM)
    for protein in range(3):
        rows = sorted(ontology.row(term) for term in family_terms(protein).values())
        terms[protein] = torch.tensor(rows)
    return replace(
        batch,
        go_set=GoSet(terms, terms, torch.zeros_like(terms, dtype=torch.bool)),
        spans=SpanLabels.of(VOCABULARY).targets(records, [(0, len(r)) for r in records]),
    )


def test_the_bundle_has_all_of_its_parts(bundle: Bundle) -> None:
    model = bundle.model
    assert bundle.config.fusion == massa_config().fusion
    assert type(model.sum) is Concatenation
    assert type(model.pool) is NormSoftmaxPool
    assert model.sequence_stack is not None
    assert model.exchange is not None
    names = set(tiny_model(massa_config()).state_dict())
    assert {name.split(".")[0] for name in names} >= {"sequence_stack", "exchange", "sum"}
    assert set(model.state_dict()) == names


@pytest.mark.parametrize("go", [True, False])
def test_a_loaded_model_gives_the_outputs_of_the_saved_one_bit_for_bit(
    bundle: Bundle, go: bool
) -> None:
    saved = tiny_model(massa_config())
    batch = massa_batch(saved)
    batch = batch if go else replace(batch, go_set=None)
    with torch.inference_mode():
        first, second = saved(batch), bundle.model(batch)
        other = tiny_model(massa_config(), seed=7)(batch)
    for name in ("protein", "projected"):
        assert torch.equal(getattr(first, name), getattr(second, name)), name
        assert not torch.equal(getattr(first, name), getattr(other, name)), name
    for name in ("sequence_tokens", "structure_tokens", "fused_tokens", "go_tokens"):
        one, two = getattr(first, name), getattr(second, name)
        assert torch.equal(one.values, two.values), name
        assert torch.equal(one.mask, two.mask), name
        assert one.values.any(), name
    assert bool(second.go_tokens.mask.any()) is go


def test_objectives_come_back_with_their_vocabulary_and_give_the_same_losses(
    bundle: Bundle,
) -> None:
    trained, loaded = massa_objectives(), bundle.load_objectives()
    assert loaded.weights == {**{section.name: 1.0 for section in SECTIONS}, "domain-tagging": 0.5}
    assert not loaded.training
    expected = trained.state_dict()
    assert loaded.state_dict().keys() == expected.keys()
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, expected[name]), name
    batch = massa_batch(bundle.model)
    found = []
    for total in (trained, loaded):
        corrupted = total.corrupt(batch, torch.Generator().manual_seed(3))
        with torch.no_grad():
            found.append(total(bundle.model(corrupted), corrupted))
    assert torch.equal(found[0].loss, found[1].loss)
    assert found[0].results.keys() == {section.name for section in SECTIONS}
    for name, result in found[0].results.items():
        assert result.weight > 0, name
        assert torch.equal(result.loss, found[1].results[name].loss), name
        assert result.metrics == found[1].results[name].metrics, name


def test_the_vocabulary_is_kept_with_names_in_any_letters(bundle: Bundle) -> None:
    """Loaded without it, the heads would have another number of tags."""
    _, metadata = load_tensors(bundle.manifest.verified(layout.HEADS))
    assert json.loads(metadata["spans"]) == json.loads(json.dumps(asdict(VOCABULARY)))
    sizes = {
        objective.name: objective.get_submodule("head").out_features
        for objective in bundle.load_objectives().members()
        if "spans" in objective.needs
    }
    assert sizes == {"motif-tagging": 4, "domain-tagging": 7, "region-tagging": 4}


@pytest.mark.parametrize(
    ("positions", "encoders", "expected"),
    [
        (POSITIONS, MAX_RESIDUES, POSITIONS),
        (POSITIONS, None, POSITIONS),
        (500, MAX_RESIDUES, MAX_RESIDUES),
        (500, None, 500),
    ],
)
def test_the_shorter_limit_holds(
    tmp_path: Path, positions: int, encoders: int | None, expected: int
) -> None:
    config = massa_config(sequence_stack={"positions": positions, "layers": 1})
    assert config.sequence is not None
    options = {**config.sequence.options, "max_residues": encoders}
    config = config.model_copy(
        update={"sequence": config.sequence.model_copy(update={"options": options})}
    )
    save_bundle(
        tmp_path / "b",
        model=tiny_model(config),
        model_config=config,
        ontology=tiny_ontology(),
        provenance={},
    )
    capabilities = load_bundle(tmp_path / "b").capabilities()
    assert capabilities[Modality.SEQUENCE].max_residues == expected
    assert capabilities[Modality.STRUCTURE].max_residues is None


def test_a_longer_protein_is_embedded_in_windows(bundle: Bundle) -> None:
    options = EmbedOptions(window_overlap=10)
    embedder = Embedder.from_bundle(bundle, options=options)
    assert embedder.max_residues == POSITIONS
    record = long_record(POSITIONS + 30)
    whole = embedder.embed_residues([record])
    parts = [
        embedder.embed_residues([replace(record.crop(start, start + POSITIONS), id=f"w{start}")])
        for start in (0, 30)
    ]
    assert whole.residues is not None
    assert whole.residues[0].shape == (POSITIONS + 30, FUSION["width"])
    tokens = []
    for part in parts:
        assert part.residues is not None
        tokens.append(part.residues[0])
    assert close(whole.residues[0][:30], tokens[0][:30])
    assert close(whole.residues[0][POSITIONS:], tokens[1][30:])
    assert close(
        whole.residues[0][30:POSITIONS],
        np.mean([tokens[0][30:], tokens[1][:30]], axis=0, dtype=np.float32),
    )
    assert np.isfinite(whole.vectors).all()


def test_a_longer_protein_is_refused_by_name_where_windows_are_not_wanted(bundle: Bundle) -> None:
    embedder = Embedder.from_bundle(bundle, options=EmbedOptions(long_proteins="refuse"))
    embedder.embed([long_record(POSITIONS)])
    with pytest.raises(EmbeddingError, match=f"{POSITIONS + 1} residues, the limit is {POSITIONS}"):
        embedder.embed([long_record(POSITIONS + 1)])


def test_from_structure_alone_there_is_no_such_limit(bundle: Bundle) -> None:
    """Positions are those of sequence tokens."""
    embedder = Embedder.from_bundle(bundle, options=EmbedOptions(modalities="structure"))
    assert embedder.max_residues is None


def test_a_vector_is_that_of_the_model_without_go_terms(bundle: Bundle) -> None:
    records = [r for r in example_records() if len(r) <= POSITIONS]
    embedder = Embedder.from_bundle(bundle, options=EmbedOptions(window_overlap=10))
    found = embedder.embed_residues(records)
    batch = replace(massa_batch(bundle.model), go_set=None, spans=None)
    with torch.inference_mode():
        outputs = bundle.model(batch)
    assert len(records) == len(batch.ids)
    for row, vector in enumerate(found.vectors):
        assert close(vector, outputs.protein[row].numpy())
