"""The study of distillation compares what it says, and a share retained is what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.distillation_losses.design import (
    ALONE,
    FUSED,
    MINI,
    MINI_TEACHER,
    RANDOM,
    TASKS,
    TEACHER,
    TERMS,
    variants,
)
from benchmarks.distillation_losses.retained import column, retained, with_column
from benchmarks.distillation_losses.stores import missing
from benchmarks.pretraining_matrix.pretraining import jobs, pretrain
from benchmarks.pretraining_matrix.table import table
from benchmarks.pretraining_matrix.variants import Variant
from multiprot.cli.recipes import resolve_recipe
from multiprot.training.config import PretrainConfig

RECIPE = str(Path(__file__).parents[2] / "configs" / "distill" / "student-cpu.yaml")
CONFIG: PretrainConfig = resolve_recipe([RECIPE, MINI_TEACHER]).value
ALL = variants(CONFIG, seeds=3)
MADE = [variant for variant in ALL if variant.model is None]


def resolved(variant: Variant) -> PretrainConfig:
    overrides = [f"{key}={value}" for key, value in variant.overrides.items()]
    config: PretrainConfig = resolve_recipe([RECIPE, MINI_TEACHER, *overrides]).value
    return config


@pytest.mark.parametrize("variant", MADE, ids=lambda variant: variant.name)
def test_a_student_has_the_teachers_that_teach_it_and_no_others(variant: Variant) -> None:
    config = resolved(variant)
    taught = {
        name
        for section in config.objectives
        if section.name.startswith("distill-")
        for name in section.options.get("teachers") or [FUSED]
    }
    assert set(config.teachers) == taught
    width = config.model.fusion.width
    assert config.model.sequence.options["width"] == width
    assert all(max(s.options.get("prefixes") or [0]) <= width for s in config.objectives)


def test_every_loss_is_there_alone_and_the_whole_recipe_is_the_recipe() -> None:
    alone = {v.name: resolved(v).objectives for v in MADE if v.name.endswith(" alone")}
    losses = {sections[0].name for sections in alone.values()}
    assert all(len(sections) == 1 for sections in alone.values())
    assert losses == {
        f"distill-{name}"
        for name in (
            *("huber", "cosine", "kl", "relations", "neighbours", "tokens", "go"),
            "structure",
        )
    }
    [whole] = [resolved(v) for v in MADE if v.name == "all losses"]
    assert whole.objectives == CONFIG.objectives
    assert whole.teachers == {name: CONFIG.teachers[name] for name in (FUSED, TERMS)}


def test_there_are_tasks_and_seeds_enough() -> None:
    assert len(TASKS) >= 8
    seeds = {variant.name: variant.seeds for variant in ALL}
    assert len(seeds) == len(ALL)
    assert {seeds[name] for name in (RANDOM, ALONE, "huber alone", "all losses")} == {3}
    untaught = {v.name: v.objectives for v in ALL if v.overrides.get("teachers") == "{}"}
    assert untaught == {RANDOM: (), ALONE: None}


def test_a_teacher_is_scored_as_it_is(tmp_path: Path) -> None:
    [job] = jobs([Variant(TEACHER, model="mini")], tmp_path)
    pretrain(job, "no such recipe", [])
    assert str(job.bundle) == "mini"
    assert not job.folder.exists()
    assert str(jobs([Variant(ALONE)], tmp_path)[0].bundle).endswith("no-teacher-1/bundle")


def test_a_share_is_of_the_gap_between_random_weights_and_teacher() -> None:
    random = {"a": [0.4, 0.6], "b": [0.2, 0.2], "c": [0.5, 0.5], "d": [0.1]}
    teacher = {"a": [1.5], "b": [0.7], "c": [0.505], "e": [0.9]}
    student = {"a": [1.0], "b": [0.1, 0.2], "c": [0.9], "d": [0.9], "e": [0.9]}
    assert retained(student, random, teacher) == pytest.approx({"a": 0.5, "b": -0.1})


def test_noise_of_random_weights_is_no_gap() -> None:
    assert retained({"a": [0.5]}, {"a": [0.3, 0.5]}, {"a": [0.6]}) == {}


def test_the_column_stands_behind_every_row() -> None:
    scores = {
        RANDOM: {"a": [0.0]},
        ALONE: {"a": [0.25], "b": [0.3]},
        TEACHER: {"a": [0.5]},
        "elsewhere": {"b": [0.3]},
    }
    cells = column(scores, RANDOM, TEACHER)
    assert cells == {RANDOM: (0.0, 1), ALONE: (0.5, 1), TEACHER: (1.0, 1), "elsewhere": None}
    lines = with_column(table(scores, ("a", "b"), ALONE), cells)
    assert lines[0] == "| pretraining | a | b | retained (tasks) |"
    assert len({line.count("|") for line in lines}) == 1
    assert lines[3].endswith("| 0.300 | 50% (1) |")


def test_absent_vectors_are_told_with_what_makes_them(tmp_path: Path) -> None:
    store = {name: str(tmp_path / name) for name in (FUSED, TERMS, MINI)}
    settings = [MINI_TEACHER, *(f"teachers.{name}.store={path}" for name, path in store.items())]
    config = resolve_recipe([RECIPE, *settings]).value
    (tmp_path / MINI).mkdir()
    said = "\n".join(missing(config, RECIPE, settings))
    assert f"fused ({store[FUSED]}), terms ({store[TERMS]}); make them" in said
    assert f"multiprot teach {RECIPE} 'teachers.mini=" in said
    (tmp_path / FUSED).mkdir()
    (tmp_path / TERMS).mkdir()
    assert missing(config, RECIPE, settings) == []


def test_overrides_are_settings_that_a_shell_can_pass() -> None:
    for variant in MADE:
        assert json.loads(variant.overrides["objectives"])
