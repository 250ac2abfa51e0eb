"""Students differ in size and in what they learn, and in nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.distillation_losses.design import FUSED, TEACHER, TERMS
from benchmarks.distillation_sizes.design import (
    SIZES,
    alone_of,
    means,
    random_of,
    shares,
    sizes,
)
from benchmarks.distillation_sizes.picture import draw
from benchmarks.distillation_sizes.speed import residues_per_second
from benchmarks.pretraining_matrix.variants import Variant
from multiprot.cli.recipes import resolve_recipe
from multiprot.proteins import ProteinRecord
from multiprot.training.config import PretrainConfig

RECIPE = str(Path(__file__).parents[2] / "configs" / "distill" / "student-cpu.yaml")
CONFIG: PretrainConfig = resolve_recipe([RECIPE]).value
ALL = {variant.name: variant for variant in sizes(CONFIG, seeds=3)}


def resolved(variant: Variant) -> PretrainConfig:
    overrides = [f"{key}={value}" for key, value in variant.overrides.items()]
    config: PretrainConfig = resolve_recipe([RECIPE, *overrides]).value
    return config


@pytest.mark.parametrize("size", SIZES)
def test_of_each_size_there_is_all_that_it_is_compared_with(size: str) -> None:
    width, layers = SIZES[size]
    student, alone, random = (
        resolved(ALL[name]) for name in (size, alone_of(size), random_of(size))
    )
    assert student.model == alone.model == random.model
    assert student.model.sequence.options["width"] == student.model.fusion.width == width
    assert student.model.sequence.options["layers"] == layers
    assert student.trainer == alone.trainer == CONFIG.trainer
    assert set(student.teachers) == {FUSED, TERMS}
    assert [each.name for each in student.objectives] == [s.name for s in CONFIG.objectives]
    assert all(max(s.options.get("prefixes") or [0]) < width for s in student.objectives)
    assert not alone.teachers
    assert [each.name for each in alone.objectives] == ["masked-residue"]
    assert (ALL[random_of(size)].objectives, ALL[random_of(size)].seeds) == ((), 3)


def test_the_recipe_is_among_them() -> None:
    assert resolved(ALL["128x2"]).model == CONFIG.model
    assert resolved(ALL["128x2"]).objectives == CONFIG.objectives


def test_students_are_compared_on_the_tasks_that_count_for_all() -> None:
    """Beside random weights of their own shape."""
    narrow, wide = "64x2", "256x3"
    scores = {
        random_of(narrow): {"a": [0.0, 0.0], "b": [0.4, 0.4]},
        random_of(wide): {"a": [0.5, 0.5], "b": [0.8, 0.8]},
        narrow: {"a": [0.5], "b": [0.6]},
        alone_of(narrow): {"a": [0.25], "b": [0.6]},
        wide: {"a": [1.0], "b": [0.9]},
        TEACHER: {"a": [1.0], "b": [0.8]},
    }
    found = shares(scores)
    assert found == {narrow: {"a": 0.5}, alone_of(narrow): {"a": 0.25}, wide: {"a": 1.0}}
    assert means(found) == {narrow: 0.5, alone_of(narrow): 0.25, wide: 1.0}
    assert means({narrow: {}}) == {}


def test_speed_is_of_every_model() -> None:
    records = [ProteinRecord(id="a", sequence="MKTAYIAKQR" * 3)]
    found = residues_per_second({"one": "mini", "other": "mini"}, records, 1, "bf16")
    assert set(found) == {"one", "other"}
    assert min(found.values()) > 0


def test_a_picture_has_every_model(tmp_path: Path) -> None:
    draw({"one": (1000, 0.5), "another": (20_000, 0.9)}, tmp_path / "retained.svg")
    assert (tmp_path / "retained.svg").read_text(encoding="utf-8").lstrip().startswith("<?xml")
