"""The student: packed and padded alike, saved and opened, and a plugin as any other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from multiprot.embedding import Embedder
from multiprot.encoders.contract import Layout
from multiprot.errors import BundleError, ConfigError, DataError, OutputExistsError, PluginError
from multiprot.proteins import ProteinRecord
from multiprot.student import ShippedOptions, shipped_student
from multiprot.student.checkpoint import (
    StudentSettings,
    load_student,
    read_settings,
    save_student,
)
from multiprot.student.config import StudentConfig
from multiprot.student.encoder import build_encoder
from multiprot.student.model import Student
from multiprot.student.options import StudentOptions
from multiprot.student.plugin import student as plugin
from multiprot.testing import SequenceEncoderSuite

CONFIG = StudentConfig(width=64, layers=2)
RECORDS = [
    ProteinRecord(id=f"p{n}", sequence=text)
    for n, text in enumerate(("MKTAYIAKQR", "A", "ACDEFGHIKLMNPQRSTVWYXBZ" * 4, "GG"))
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    made = Student(CONFIG)
    save_student(tmp_path / "s", made, StudentSettings(CONFIG, 512, {"name": "x"}), card="# x\n")
    return tmp_path / "s"


class TestConformance(SequenceEncoderSuite):
    plugin = plugin


class TestPartlyFrozenConformance(SequenceEncoderSuite):
    plugin = plugin

    def tiny_config(self) -> StudentOptions:
        return StudentOptions(layers=3, width=64, freeze=1)


def test_what_was_saved_comes_back(folder: Path) -> None:
    torch.manual_seed(3)
    expected = Student(CONFIG).state_dict()
    found = load_student(folder).state_dict()
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor)
    settings = read_settings(folder)
    assert settings == StudentSettings(CONFIG, 512, {"name": "x"})
    assert (folder / "README.md").read_text() == "# x\n"


def test_half_the_digits_halve_the_file_and_hardly_move_a_vector(
    folder: Path, tmp_path: Path
) -> None:
    settings = read_settings(folder)
    save_student(tmp_path / "half", load_student(folder), settings, card="", precision="bf16")
    sizes = [(each / "model.safetensors").stat().st_size for each in (folder, tmp_path / "half")]
    assert sizes[1] / sizes[0] == pytest.approx(0.5, abs=0.02)
    whole, half = (
        Embedder.open(f"student:{each}").embed(RECORDS).vectors
        for each in (folder, tmp_path / "half")
    )
    cosines = (whole * half).sum(1) / np.linalg.norm(whole, axis=1) / np.linalg.norm(half, axis=1)
    assert cosines.min() > 0.999


@pytest.mark.parametrize("learning", [{}, {"freeze": "all"}, {"freeze": 1}, {"lora": {"rank": 2}}])
def test_packed_and_padded_are_the_same(folder: Path, learning: dict[str, Any]) -> None:
    options = StudentOptions.model_validate({"checkpoint": str(folder), **learning})
    encoder = build_encoder(options).eval()
    padded = encoder(encoder.featurizer(RECORDS, Layout.PADDED))
    packed = encoder(encoder.featurizer(RECORDS, Layout.PACKED))
    torch.testing.assert_close(packed.values, padded.values[padded.mask], rtol=1e-4, atol=1e-5)


def test_the_trunk_of_the_encoder_is_the_students(folder: Path) -> None:
    encoder = build_encoder(StudentOptions(checkpoint=str(folder))).eval()
    made = load_student(folder)
    features = encoder.featurizer(RECORDS, Layout.PACKED)
    tokens = encoder(features).values
    torch.testing.assert_close(made.head(tokens), made(features.letters, features.lengths))


def test_a_saved_model_needs_the_folder_no_more(folder: Path) -> None:
    encoder = build_encoder(StudentOptions(checkpoint=str(folder)))
    again = build_encoder(StudentOptions.model_validate(dict(encoder.portable_options)))
    again.load_state_dict(encoder.state_dict())
    assert again.token_dim == 64


def test_any_length_is_taken_unless_a_limit_is_given(folder: Path) -> None:
    long = ProteinRecord(id="long", sequence="ACDEFGHIKL" * 400)
    found = Embedder.open(f"student:{folder}").embed([long])
    assert found.windows.tolist() == [1]
    limited = Embedder.open(f"student:{folder}", encoder_options=["max_residues=1000"])
    assert limited.embed([long]).windows.tolist() > [1]


def test_without_a_folder_weights_are_random_and_said_to_be() -> None:
    identity = Embedder.open("student").model.identity
    assert identity.warnings == ("student: its weights are random; give student:CHECKPOINT",)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: (f / "student.json").unlink(), "no student.json in it"),
        (lambda f: (f / "student.json").write_text("{}"), "not the settings of a student"),
        (lambda f: (f / "model.safetensors").write_bytes(b"junk"), "not a safetensors file"),
        (lambda f: _changed(f, width=128), r"tensor .* is \[.*64.*\]"),
        (lambda f: _changed(f, layers=3), "lacks the tensor trunk.blocks.2"),
        (lambda f: _changed(f, layers=1), "has no place"),
        (lambda f: _changed(f, width=65), "not the settings of a student"),
    ],
)
def test_a_damaged_folder_is_refused(folder: Path, change: Any, told: str) -> None:
    change(folder)
    with pytest.raises(PluginError, match=told):
        load_student(folder)


def _changed(folder: Path, **config: int) -> None:
    tree = json.loads((folder / "student.json").read_text())
    tree["config"] |= config
    (folder / "student.json").write_text(json.dumps(tree))


def test_a_diverged_student_is_not_saved(folder: Path, tmp_path: Path) -> None:
    made = load_student(folder)
    with torch.no_grad():
        made.trunk.norm.weight[0] = torch.nan
    with pytest.raises(BundleError, match=r"trunk\.norm\.weight holds NaN"):
        save_student(tmp_path / "t", made, read_settings(folder), card="")
    assert not (tmp_path / "t").exists()
    with pytest.raises(OutputExistsError):
        save_student(folder, load_student(folder), read_settings(folder), card="")


def test_a_shape_beside_a_checkpoint_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="layers is decided by checkpoint"):
        Embedder.open(f"student:{folder}", encoder_options=["layers=3"])


def test_a_distribution_ships_one(folder: Path) -> None:
    shipped = shipped_student(
        name="ours", summary="Ours", weights=folder, weights_license="CC-BY-4.0"
    )
    options = ShippedOptions(freeze="all", max_residues=50)
    told = shipped.capabilities(options)
    assert (told.weights_license, told.trainable, told.max_residues) == ("CC-BY-4.0", False, 50)
    made: Any = shipped.build(options)
    named: Any = build_encoder(StudentOptions(checkpoint=str(folder)))
    features = named.featurizer(RECORDS[:1], Layout.PACKED)
    assert torch.equal(made(features).values, named(features).values)
    with pytest.raises(DataError, match="51 residues, but ours takes at most 50"):
        made.featurizer([ProteinRecord(id="long", sequence="A" * 51)], Layout.PADDED)
    # A saved model brings its own weights: here only the shape is made.
    shutil.rmtree(folder)
    remade: Any = shipped.build(ShippedOptions.model_validate(made.portable_options))
    remade.load_state_dict(made.state_dict())
    assert torch.equal(remade(features).values, made(features).values)
    with pytest.raises(PluginError, match=r"no student\.json in it"):
        shipped.build(options)
