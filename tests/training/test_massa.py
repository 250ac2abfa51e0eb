"""MASSA's recipe, and the faults of the released code that it must not have."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import torch

from multiprot.config import ResolvedConfig
from multiprot.data import Corpus, make_synthetic_corpus
from multiprot.encoders.contract import ProteinBatch
from multiprot.encoders.registry import Registry
from multiprot.proteins import residue_indices
from multiprot.training.config import PretrainConfig
from multiprot.training.datamodule import PretrainData
from multiprot.training.parts import TrainingParts, build_parts

Recipe = Callable[..., ResolvedConfig[PretrainConfig]]

PROJECT: Final = Path(__file__).parents[2]
FIVE: Final = ("masked-residue", "masked-go", "motif-tagging", "domain-tagging", "region-tagging")
FUSION: Final[dict[str, Any]] = {
    "width": 16,
    "layers": 2,
    "heads": 2,
    "pooling_heads": 2,
    "shared_dim": 16,
    "residues": "self-attention",
    "sequence_stack": {"positions": 64, "layers": 2, "kernel": 5},
    "go_exchange": {"width": 8, "heads": 2, "set_layers": 2, "layers": 3},
}
TAGS: Final = {"kinds": ["motif"], "min_proteins": 1}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_synthetic_corpus(tmp_path_factory.mktemp("massa") / "corpus", families=6)


@pytest.fixture
def massa(recipe: Recipe, corpus: Corpus) -> Callable[..., TrainingParts]:
    """Tiny, with all of MASSA's parts; objectives and fusion may be changed."""

    def make(names: tuple[str, ...] = (*FIVE, "go-contrast"), **fusion: Any) -> TrainingParts:
        return build_parts(settings(recipe, names, **fusion), corpus, Registry.discover())

    return make


def settings(recipe: Recipe, names: tuple[str, ...], **fusion: Any) -> PretrainConfig:
    options: dict[str, Any] = {
        "masked-residue": {"hide_structure": True},
        "masked-go": {"min_proteins": 1},
        "motif-tagging": TAGS,
        "domain-tagging": TAGS,
        "region-tagging": TAGS,
    }
    objectives = [{"name": name, "options": options.get(name, {})} for name in names]
    return recipe(
        f"objectives={json.dumps(objectives)}",
        f"model.fusion={json.dumps(FUSION | fusion)}",
    ).value


def first_batches(parts: TrainingParts, count: int) -> list[ProteinBatch]:
    from multiprot.data.batch_config import BatchConfig

    config = BatchConfig(tokens_per_batch=1024, crop_residues=64, go_min_proteins=3)
    batches = PretrainData(parts, config, seed=3).train_batches()
    return [batches[number] for number in range(count)]


def loss_of(parts: TrainingParts, batch: ProteinBatch) -> torch.Tensor:
    loss: torch.Tensor = parts.objectives(parts.model(batch), batch).loss
    return loss


@pytest.mark.parametrize("residues", ["self-attention", "cross-attention"])
def test_every_layer_gets_a_gradient(massa: Callable[..., TrainingParts], residues: str) -> None:
    """In the released code two of three layers in both cross-attention stacks get none."""
    parts = massa(residues=residues, layers=2)
    module = torch.nn.ModuleList([parts.model, parts.objectives])
    for batch in first_batches(parts, 4):
        loss_of(parts, batch).backward()  # type: ignore[no-untyped-call]
    silent = [
        name
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    ]
    assert not silent


def test_each_objective_is_logged_apart(massa: Callable[..., TrainingParts]) -> None:
    parts = massa()
    batch = first_batches(parts, 1)[0]
    metrics = parts.objectives(parts.model(batch), batch).metrics
    for name in FIVE:
        assert {f"{name}/loss", f"{name}/accuracy"} <= metrics.keys()
    weighted = sum(float(metrics[f"{name}/loss"]) for name in (*FIVE, "go-contrast"))
    assert float(metrics["loss"]) == pytest.approx(weighted, rel=1e-4)


def test_each_objective_works_alone(massa: Callable[..., TrainingParts]) -> None:
    for name in FIVE:
        parts = massa((name,))
        losses = [loss_of(parts, batch) for batch in first_batches(parts, 3)]
        assert all(loss.isfinite() for loss in losses)
        assert any(loss > 0 for loss in losses)


def test_what_stands_in_a_row_belongs_to_one_protein(
    massa: Callable[..., TrainingParts], corpus: Corpus
) -> None:
    """The released code drops bad rows from sequences and structures, not from GO and spans."""
    parts = massa(("go-contrast", "motif-tagging"))
    sets = parts.targets.go_sets
    assert sets is not None
    seen = 0
    for batch in first_batches(parts, 6):
        assert batch.go_set is not None
        assert batch.spans is not None
        assert batch.go is not None
        for row, protein in enumerate(batch.ids):
            place = corpus.row(protein)
            record = corpus.read([place])[0]
            letters = torch.tensor(residue_indices(record.sequence))
            shown = batch.residues[row][batch.residue_mask[row]]
            starts = [
                start
                for start in range(len(letters) - len(shown) + 1)
                if torch.equal(letters[start : start + len(shown)], shown)
            ]
            assert starts
            own = set(sets.terms[sets.offsets[place] : sets.offsets[place + 1]].tolist())
            terms = batch.go_set.terms[row]
            assert set(terms[terms >= 0].tolist()) in (own, set())
            assert set(batch.go.terms[batch.go.positive[row]].tolist()) >= set()
            spans = [span for span in record.features if span.kind == "motif"]
            assert bool(batch.spans.known[row].any()) == bool(spans)
            mine = batch.spans.protein == row
            sizes = (batch.spans.stop - batch.spans.start)[mine].tolist()
            cut = [
                sorted(
                    c.stop - c.start
                    for s in spans
                    if (c := s.crop(start, start + len(shown))) is not None
                )
                for start in starts
            ]
            assert sorted(sizes) in cut
            seen += len(sizes)
            if record.structure is None:
                assert not batch.has_structure[row]
    assert seen


def test_no_device_is_named_in_the_code() -> None:
    """The released code wants a second GPU, "cuda:1", whatever the machine has."""
    found = [
        f"{path.relative_to(PROJECT)}:{node.lineno}"
        for folder in ("multiprot", "plugins", "scripts")
        for path in (PROJECT / folder).rglob("*.py")
        if "tests" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Constant) and re.fullmatch(r"cuda:[1-9]\d*", str(node.value)))
        or (isinstance(node, ast.Attribute) and node.attr == "cuda" and _called_on_tensor(node))
    ]
    assert not found


def _called_on_tensor(node: ast.Attribute) -> bool:
    """Whether it is something's `.cuda`, not the module `torch.cuda` or `torch.backends.cuda`."""
    return ast.unparse(node.value) not in ("torch", "torch.backends")


def test_the_numbers_of_classes_come_from_the_corpus(
    recipe: Recipe, tmp_path: Path, massa: Callable[..., TrainingParts]
) -> None:
    """The released code holds them as constants."""
    other = make_synthetic_corpus(tmp_path / "other", families=9, seed=4)
    sizes = []
    for parts in (massa(), build_parts(settings(recipe, FIVE), other, Registry.discover())):
        heads = {n: o.head for n, o in parts.objectives.objectives.items() if "-ta" in n}
        vocabulary = parts.context.spans
        assert vocabulary is not None
        expected = 1 + 3 * sum(kind == "motif" for kind, _ in vocabulary.entries)
        assert {head.out_features for head in heads.values()} == {expected}  # type: ignore[union-attr]
        sizes.append(expected)
    assert sizes[0] != sizes[1]


@pytest.mark.parametrize("name", ["massa.yaml", "massa-cpu.yaml"])
def test_the_recipes_are_valid(name: str) -> None:
    from multiprot.cli.recipes import resolve_recipe

    config = resolve_recipe([str(PROJECT / "configs" / "pretrain" / name)]).value
    assert [section.name for section in config.objectives] == [*FIVE, "go-contrast"]
    assert config.model.fusion.go_exchange is not None
