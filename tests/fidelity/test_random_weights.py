"""A student's shape with the weights it would be born with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multiprot.embedding import Embedder
from multiprot.errors import FidelityError
from multiprot.fidelity.facts import licences, provenance, student_folder, student_hash
from multiprot.fidelity.random_weights import random_like
from multiprot.proteins import ProteinRecord
from tests.fidelity.students import tiny_student
from tests.tiny_model import save_tiny_bundle

RECORD = ProteinRecord(id="p", sequence="MKVLAAGWYQRS")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    place = tmp_path_factory.mktemp("models")
    return {
        "student": tiny_student(place / "student"),
        "bundle": str(save_tiny_bundle(place / "bundle")),
    }


@pytest.mark.parametrize("kind", ["student", "bundle"])
def test_the_shape_is_kept_and_the_weights_are_not(
    kind: str, models: dict[str, str], tmp_path: Path
) -> None:
    own = Embedder.open(models[kind])
    made = random_like(own, tmp_path / "random")
    drawn = Embedder.open(made.target)
    assert (drawn.width, drawn.model.parameter_count) == (own.width, own.model.parameter_count)
    assert drawn.model.identity.content_hash != own.model.identity.content_hash
    assert not np.allclose(drawn.embed([RECORD]).vectors, own.embed([RECORD]).vectors)


@pytest.mark.parametrize("kind", ["student", "bundle"])
def test_it_is_always_the_same(kind: str, models: dict[str, str], tmp_path: Path) -> None:
    own = Embedder.open(models[kind])
    hashes = [student_hash(random_like(own, tmp_path / "random").target) for _ in range(2)]
    assert hashes[0] == hashes[1]


def test_of_another_encoder_it_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FidelityError, match=r"residue-transformer.*--random baseline"):
        random_like(Embedder.open("residue-transformer"), tmp_path / "random")


def test_what_models_say_of_themselves(models: dict[str, str]) -> None:
    student, bundle, encoder = (
        Embedder.open(name).model for name in (*models.values(), "residue-transformer")
    )
    assert student_folder(student) == Path(models["student"].removeprefix("student:"))
    assert licences(student) == {"model": "CC0-1.0"}
    assert licences(bundle)["model"] == "CC0-1.0"
    assert licences(encoder) == {"model": "not stated"}
    assert provenance(student)["corpus"] == {"content_hash": "c0ffee"}
    assert provenance(bundle)["corpus"]["content_hash"] == "c0ffee"
    assert provenance(encoder) == {}


def test_a_shipped_student_knows_its_corpus_and_licence() -> None:
    model = Embedder.open("mini").model
    assert "Apache-2.0" in licences(model)["model"]
    assert "content_hash" in provenance(model)["corpus"]
