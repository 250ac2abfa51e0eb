"""Presets: what each is, and how recipes and options come by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from multiprot.config import load_config
from multiprot.errors import ConfigError
from multiprot.student.checkpoint import StudentSettings, read_settings, save_student
from multiprot.student.config import HEAD_CHANNELS, PRESETS, StudentConfig
from multiprot.student.encoder import build_encoder
from multiprot.student.model import Student, build_trunk
from multiprot.student.options import StudentOptions
from multiprot.training.masked.config import MaskedConfig

PARAMETERS = {"2m": 2_271_488, "8m": 8_128_896, "20m": 19_294_720, "35m": 35_589_760}


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_has_exactly_so_many_parameters(name: Any) -> None:
    made = build_encoder(StudentOptions(preset=name))
    assert sum(p.numel() for p in made.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_matrices_fit_matrix_units(name: Any) -> None:
    config = StudentConfig(preset=name)
    assert config.width % 128 == config.width % HEAD_CHANNELS == 0
    assert config.feed_forward_width is not None
    assert config.feed_forward_width % 128 == 0
    assert 2 <= config.feed_forward_width / config.width <= 4


def test_what_is_recorded_is_the_shape(tmp_path: Path) -> None:
    config = StudentConfig(preset="2m")
    assert config == StudentConfig(width=256, layers=3, feed_forward_width=640)
    save_student(tmp_path / "s", Student(config), StudentSettings(config, None, {}), card="")
    assert read_settings(tmp_path / "s").config == config
    assert "preset" not in json.loads((tmp_path / "s" / "student.json").read_text())["config"]


def test_a_recipe_names_one(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("kind: masked-sequence\nsequences: s\nmodel: {preset: 20m}\n")
    resolved = load_config(MaskedConfig, recipe)
    assert (resolved.value.model.width, resolved.value.model.layers) == (512, 6)
    # What a run writes down and reads again on resume.
    again = tmp_path / "again.yaml"
    again.write_text(resolved.to_yaml())
    assert load_config(MaskedConfig, again).value == resolved.value


def test_a_recipe_that_is_extended_gives_its_shape_up(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "kind: masked-sequence\nsequences: s\nmodel: {width: 320, layers: 6, rotary_base: 500}\n"
    )
    recipe = tmp_path / "r.yaml"
    recipe.write_text("extends: base.yaml\nmodel: {preset: 8m}\n")
    with pytest.raises(ConfigError, match="width 320 contradicts preset 8m, where it is 384"):
        load_config(MaskedConfig, recipe)
    recipe.write_text("extends: base.yaml\nmodel: {preset: 8m, width: null, layers: null}\n")
    model = load_config(MaskedConfig, recipe).value.model
    assert (model.width, model.layers, model.rotary_base) == (384, 5, 500)


def test_an_encoder_takes_a_preset_or_a_shape() -> None:
    trunk = build_encoder(StudentOptions(preset="2m")).trunk
    shapes = [tuple(p.shape) for p in trunk.parameters()]
    assert shapes == [tuple(p.shape) for p in build_trunk(StudentConfig(preset="2m")).parameters()]
    with pytest.raises(ValidationError, match="width is decided by preset 2m"):
        StudentOptions(preset="2m", width=128)
    with pytest.raises(ValidationError, match="preset is decided by checkpoint"):
        StudentOptions(preset="2m", checkpoint="somewhere")


def test_an_unknown_preset_is_told_the_known_ones() -> None:
    with pytest.raises(ValidationError, match="'2m', '8m', '20m' or '35m'"):
        StudentConfig.model_validate({"preset": "3b"})
