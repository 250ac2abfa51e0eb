"""What a user calls a model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from multiprot.errors import EvaluationError
from multiprot.evaluation.baselines.registry import BASELINES
from multiprot.evaluation.features import ModelKind, ModelReference, parse_models
from tests.evaluation.comparison.planted import store


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return store(tmp_path / "vectors", np.eye(3, dtype=np.float32), ["MKV", "MKL", "MKI"])


@pytest.mark.parametrize("name", [*BASELINES, "random-encoder"])
def test_baselines_by_name(name: str) -> None:
    found = ModelReference.parse(f"baseline:{name}")
    assert found == ModelReference(ModelKind.BASELINE, f"baseline:{name}", name)
    assert ModelReference.parse(f"mine=baseline:{name}").name == "mine"


@pytest.mark.parametrize("name", ["", "kmers", "esm2"])
def test_no_such_baseline(name: str) -> None:
    with pytest.raises(EvaluationError, match=f"no baseline '{name}'"):
        ModelReference.parse(f"baseline:{name}")


@pytest.mark.parametrize(
    ("text", "name", "target"),
    [
        ("esm2:/models/esm2_t6", "esm2:esm2_t6", "esm2:/models/esm2_t6"),
        ("small=esm2:/models/esm2_t6", "small", "esm2:/models/esm2_t6"),
        ("esm2:/models/lr=1/x", "esm2:x", "esm2:/models/lr=1/x"),
        ("residue-transformer", "residue-transformer", "residue-transformer"),
        ("a=b=c", "a", "b=c"),
        ("=x", "=x", "=x"),
    ],
)
def test_encoders_and_their_names(text: str, name: str, target: str) -> None:
    assert ModelReference.parse(text) == ModelReference(ModelKind.ENCODER, name, target)


def test_a_store_is_called_by_its_folder(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ModelReference.parse(str(stored)).name == "vectors"
    assert ModelReference.parse(f"mine={stored}").name == "mine"
    monkeypatch.chdir(stored)
    found = ModelReference.parse(".")
    assert (found.kind, found.name) == (ModelKind.STORE, "vectors")


def test_a_bundle_is_called_as_it_was_trained(tiny_bundle: Path, tmp_path: Path) -> None:
    found = ModelReference.parse(str(tiny_bundle))
    assert (found.kind, found.name) == (ModelKind.BUNDLE, "tiny")


@pytest.mark.parametrize("told", [None, "{", "[]", "{}", '{"name": ""}', '{"name": null}', "\xff"])
def test_a_bundle_that_says_no_name_is_called_by_its_folder(
    tiny_bundle: Path, tmp_path: Path, told: str | None
) -> None:
    """Whether it is whole is asked when it is opened."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for file in tiny_bundle.iterdir():
        if file.name.startswith("bundle"):
            (folder / file.name).write_bytes(file.read_bytes())
    if told is not None:
        (folder / "provenance.json").write_bytes(told.encode("latin-1"))
    assert ModelReference.parse(str(folder)).name == "mine"


def test_a_folder_whose_name_has_an_equals_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = store(tmp_path / "lr=0.1", np.eye(3, dtype=np.float32), ["MKV", "MKL", "MKI"])
    monkeypatch.chdir(tmp_path)
    for text, name in (("lr=0.1", "lr=0.1"), ("x=lr=0.1", "x"), (str(made), "lr=0.1")):
        found = ModelReference.parse(text)
        assert (found.kind, found.name) == (ModelKind.STORE, name)
        assert (tmp_path / found.target).resolve() == made.resolve()


def test_two_models_need_two_names(stored: Path) -> None:
    with pytest.raises(EvaluationError, match="a second model called 'vectors'; give it a name"):
        parse_models([str(stored), str(stored)])
    with pytest.raises(EvaluationError, match="a second model called 'baseline:kmer'"):
        parse_models(["baseline:kmer", "baseline:length", "baseline:kmer"])
    with pytest.raises(EvaluationError, match=r"called 'a'; .* OTHER=kmer"):
        parse_models(["a=baseline:kmer", "a=baseline:kmer"])


def test_models_keep_their_order(stored: Path) -> None:
    texts = ["b=baseline:kmer", str(stored), "a=baseline:length"]
    assert [found.name for found in parse_models(texts)] == ["b", "vectors", "a"]
    assert json.dumps([found.kind for found in parse_models(texts)]) == (
        '["baseline", "store", "baseline"]'
    )
