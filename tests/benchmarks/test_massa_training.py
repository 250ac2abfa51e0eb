"""Our step and the plain one on the same proteins: the same targets, and what learns of each."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.massa_plain.config import TAGGINGS, PlainMassaConfig
from benchmarks.massa_training.__main__ import compare
from benchmarks.massa_training.figures import learning, parameters, print_figures, trained
from benchmarks.massa_training.ours import OurStep
from benchmarks.massa_training.proteins import Sample, draw_sample
from benchmarks.massa_training.rounds import OURS_MIXED, PROFILED, RELEASED, Steps
from multiprot.cli.recipes import resolve_recipe
from multiprot.data import Corpus, make_synthetic_corpus
from multiprot.objectives.span_tags import UNKNOWN
from multiprot.training.config import PretrainConfig

PROJECT = Path(__file__).parents[2]
TINY = PlainMassaConfig(
    sequence_dim=12,
    width=16,
    positions=128,
    node_vectors=4,
    neighbours=6,
    heads=2,
    inner=32,
    go_dim=6,
    go_width=8,
    go_heads=2,
    go_inner=16,
    go_classes=24,
    motif_classes=5,
    domain_classes=7,
    region_classes=6,
    batch=2,
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_synthetic_corpus(tmp_path_factory.mktemp("massa") / "corpus", families=8)


@pytest.fixture(scope="module")
def config() -> PretrainConfig:
    """MASSA's recipe, narrow."""
    structure = "{node_scalars: 16, node_vectors: 4, message_vectors: 9, neighbours: 6}"
    overrides = [
        *(f"model.structure.options.{each}" for each in _settings(structure)),
        "model.fusion.width=16",
        "model.fusion.heads=2",
        "model.fusion.shared_dim=8",
        "model.fusion.go_exchange.width=8",
        "model.fusion.go_exchange.heads=2",
        "optimizer.peak_lr=1e-2",
    ]
    recipe = str(PROJECT / "configs" / "pretrain" / "massa.yaml")
    return resolve_recipe([recipe, *overrides]).value


def _settings(mapping: str) -> list[str]:
    return [each.replace(": ", "=") for each in mapping.strip("{}").split(", ")]


@pytest.fixture
def sample(corpus: Corpus) -> Sample:
    return draw_sample(corpus, 5, 0, TINY)


@pytest.fixture
def ours(config: PretrainConfig, corpus: Corpus, sample: Sample) -> OurStep:
    assert corpus.ontology is not None
    return OurStep(
        config.model, config.optimizer, sample, corpus.ontology, TINY, tokens=256, seed=0
    )


def test_both_steps_read_the_same_proteins_vectors_terms_and_tags(
    sample: Sample, ours: OurStep
) -> None:
    rows = np.arange(len(sample.records))
    batch = ours.collate(sample.records, rows)
    assert batch.go_set is not None
    vocabulary = ours.objectives.objectives["masked-go"].vocabulary.numpy()
    for row, protein in enumerate(sample.plain()):
        here = batch.residue_mask[row]
        assert torch.equal(batch.sequence.values[row, here], torch.from_numpy(protein.vectors))
        assert batch.residues[row, here].clamp(max=20).tolist() == protein.residues.tolist()
        terms = batch.go_set.terms[row]
        assert sorted(vocabulary[protein.go_terms]) == terms[terms >= 0].tolist()
    assert batch.has_structure.all()
    assert batch.structure.mask.sum() == sum(map(len, sample.records))


def test_tags_of_ours_are_the_plain_ones(sample: Sample, ours: OurStep) -> None:
    batch = ours.collate(sample.records, np.arange(len(sample.records)))
    outputs = ours.model(batch)
    for kind in TAGGINGS:
        tags = ours.objectives.objectives[f"{kind}-tagging"]._tags(outputs, batch)
        for row, protein in enumerate(sample.plain()):
            mine, plain = tags[row, : len(protein)], protein.tags(kind)
            expected = [UNKNOWN] * len(protein) if plain is None else plain.tolist()
            assert mine.tolist() == expected


def test_heads_have_nearly_as_many_classes(config: PretrainConfig, corpus: Corpus) -> None:
    shape = replace(PlainMassaConfig(), go_classes=24, positions=128)
    sample = draw_sample(corpus, 2, 0, shape)
    assert corpus.ontology is not None
    step = OurStep(
        config.model, config.optimizer, sample, corpus.ontology, shape, tokens=256, seed=0
    )
    heads = [step.objectives.objectives[f"{kind}-tagging"].head for kind in TAGGINGS]
    assert [head.out_features for head in heads] == [337, 2065, 421]
    assert max(tags.max() for p in sample.plain() if (tags := p.tags("motif")) is not None) < 336


def test_ours_learns_with_all_that_five_objectives_use(ours: OurStep) -> None:
    found = learning(ours, lambda: ours.learn(mixed=False, moves=False))
    assert set(found["without"]) <= {"model.project_protein.layers", "model.project_go.layers"}
    first = [ours.learn(mixed=False)["total"] for _ in range(4)]
    last = [ours.learn(mixed=True)["total"] for _ in range(20)][-4:]
    assert all(map(math.isfinite, [*first, *last]))
    assert np.mean(last) < np.mean(first)


def test_blocks_are_the_whole_of_ours(ours: OurStep, sample: Sample) -> None:
    sizes = parameters(ours, Steps(ours, sample.plain(), TINY).plain[RELEASED])
    for side in sizes.values():
        assert sum(side.values()) == 2 * side["total"]
    assert sizes["ours"]["total"] == trained(ours)


def test_a_run_tells_times_sizes_and_operators(
    config: PretrainConfig, corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = compare(config, corpus, TINY, proteins=4, rounds=1, tokens=256, seed=0, profile=True)
    assert figures["variants"][RELEASED]["times_as_fast"] == 1.0
    assert set(figures["operators"]) == set(PROFILED)
    assert figures["learning"]["plain"]["share"] < figures["learning"]["ours"]["share"] <= 1.0
    print_figures(figures)
    assert OURS_MIXED in capsys.readouterr().out


def test_too_few_proteins_are_told(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="have a whole backbone, 99999 are asked for"):
        draw_sample(corpus, 99_999, 0, TINY)
