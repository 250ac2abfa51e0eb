"""The recipe: what it accepts, what it refuses, and that it needs no torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from multiprot.cli.recipes import packaged_recipes
from multiprot.config import ResolvedConfig, load_config
from multiprot.encoders.options import check_plugins
from multiprot.encoders.registry import Registry
from multiprot.errors import ConfigError
from multiprot.training.config import PretrainConfig

Recipe = Callable[..., ResolvedConfig[PretrainConfig]]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.max_step=3", "max_steps"),
        ("trainer.max_steps=0", r"trainer\.max_steps"),
        ("trainer.precision=fp8", r"trainer\.precision"),
        ("optimizer.betas=[0.9, 1.0]", "betas"),
        ("schedule.shape=linear", r"schedule\.shape"),
        ("schedule.final_lr=1.5", r"schedule\.final_lr"),
        ("averaging.decay=1.0", r"averaging\.decay"),
        ("name=a/b", "name"),
        ("seed=-1", "seed"),
        ("corpus.synthetic={}", "path or synthetic"),
        ("corpus.path=null", "path or synthetic"),
        ("objectives=[]", "objectives"),
        ("objectives=[{name: a}, {name: a}]", "more than once"),
    ],
)
def test_wrong_settings_are_refused_by_name(recipe: Recipe, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        recipe(override)


@pytest.mark.parametrize("name", sorted(packaged_recipes()))
def test_packaged_recipes_are_valid(name: str) -> None:
    resolved = load_config(PretrainConfig, files("multiprot.training") / f"recipes/{name}.yaml")
    check_plugins(resolved.value, Registry.discover(), origins=resolved.origins)
    assert resolved.value.name == name


def test_written_recipe_loads_back_to_the_same_value(recipe: Recipe, tmp_path: Path) -> None:
    resolved = recipe("optimizer.peak_lr=1e-4", "averaging.decay=null")
    (tmp_path / "again.yaml").write_text(resolved.to_yaml())
    assert load_config(PretrainConfig, tmp_path / "again.yaml").value == resolved.value


def test_recipe_and_schedule_need_no_torch() -> None:
    code = (
        "import sys; import multiprot.training.config, multiprot.training.schedule; "
        "sys.exit(bool({'torch', 'lightning'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
