"""Recipes, `extends`, overrides and what is said about mistakes in them."""

from __future__ import annotations

import gzip
import re
import zipfile
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, model_validator

from multiprot.config import Section, load_config, recipe_schema
from multiprot.errors import ConfigError, FileFormatError


class Shape(StrEnum):
    COSINE = "cosine"
    LINEAR = "linear"


class Plugin(Section):
    name: str
    options: dict[str, object] = Field(default_factory=dict)


class Optimizer(Section):
    peak_lr: float = Field(default=1e-3, gt=0)
    betas: tuple[float, float] = (0.9, 0.95)
    shape: Shape = Shape.COSINE
    clip: float | None = None


class Corpus(Section):
    path: Path | None = None
    seed: int | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.path is not None and self.seed is not None:
            raise ValueError("give either path or seed")
        return self


class Recipe(Section):
    steps: int
    fast: bool = False
    device: Literal["cpu", "gpu"] = "cpu"
    optimizer: Optimizer = Optimizer(peak_lr=0.5)
    corpus: Corpus = Corpus()
    encoder: Plugin | None = Plugin(name="one", options={"width": 3})
    losses: tuple[Plugin, ...] = (Plugin(name="a"), Plugin(name="b"))


def _write(folder: Path, text: str, name: str = "r.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return _write(tmp_path, "steps: 10\noptimizer:\n  betas: [0.1, 1e-4]\n")


def _complaint(path: Path | None, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(Recipe, path, overrides)
    return str(caught.value)


class TestLayers:
    def test_file_lies_over_defaults(self, recipe: Path) -> None:
        value = load_config(Recipe, recipe).value
        assert value.steps == 10
        assert value.optimizer == Optimizer(peak_lr=0.5, betas=(0.1, 1e-4))

    def test_overrides_lie_over_the_file(self, recipe: Path) -> None:
        resolved = load_config(
            Recipe,
            recipe,
            ["steps=20", "optimizer.peak_lr=2e-5", "corpus.path=some/where", "encoder=~"],
        )
        assert resolved.value.steps == 20
        assert resolved.value.optimizer.peak_lr == 2e-5
        assert resolved.value.corpus.path == Path("some/where")
        assert resolved.value.encoder is None

    def test_without_a_file_defaults_and_overrides_remain(self) -> None:
        assert load_config(Recipe, None, ["steps=3"]).value == Recipe(steps=3)

    def test_given_defaults_lie_below_the_file(self, recipe: Path) -> None:
        resolved = load_config(Recipe, recipe, default={"steps": 1, "device": "gpu"})
        assert (resolved.value.steps, resolved.value.device) == (10, "gpu")
        assert resolved.origins["device"] == "default"

    def test_list_entries_by_index(self, recipe: Path) -> None:
        value = load_config(Recipe, recipe, ["losses.1.options.k=4"]).value
        assert value.losses == (Plugin(name="a"), Plugin(name="b", options={"k": 4}))

    def test_later_override_wins(self, recipe: Path) -> None:
        assert load_config(Recipe, recipe, ["steps=1", "steps=2"]).value.steps == 2

    def test_value_may_hold_an_equals_sign(self, recipe: Path) -> None:
        value = load_config(Recipe, recipe, ["corpus.path=a=b"]).value
        assert value.corpus.path == Path("a=b")

    @pytest.mark.parametrize("flip", [False, True])
    def test_options_of_a_new_plugin_start_empty(self, recipe: Path, flip: bool) -> None:
        overrides = ["encoder.name=two", "encoder.options.depth=1"]
        value = load_config(Recipe, recipe, overrides[::-1] if flip else overrides).value
        assert value.encoder == Plugin(name="two", options={"depth": 1})


class TestExtends:
    def test_one_level_relative_to_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "base").mkdir()
        _write(tmp_path / "base", "steps: 5\nfast: true\n", "b.yaml")
        path = _write(tmp_path, "extends: base/b.yaml\nsteps: 6\n")
        resolved = load_config(Recipe, path)
        assert (resolved.value.steps, resolved.value.fast) == (6, True)
        assert resolved.origins["fast"] == f"{tmp_path}/base/b.yaml:2"
        assert resolved.origins["steps"] == f"{path}:2"

    def test_a_second_level_is_refused_by_name(self, tmp_path: Path) -> None:
        _write(tmp_path, "steps: 5\n", "c.yaml")
        _write(tmp_path, "extends: c.yaml\n", "b.yaml")
        complaint = _complaint(_write(tmp_path, "extends: b.yaml\n"))
        assert complaint.startswith(f"{tmp_path}/b.yaml:1: extends = 'c.yaml'")
        assert "r.yaml" in complaint

    def test_itself_is_refused(self, tmp_path: Path) -> None:
        assert "only one level" in _complaint(_write(tmp_path, "extends: r.yaml\n"))

    def test_missing_base_is_named(self, tmp_path: Path) -> None:
        path = _write(tmp_path, "extends: gone.yaml\n")
        with pytest.raises(FileFormatError, match=r"gone\.yaml: no such file"):
            load_config(Recipe, path)

    @pytest.mark.parametrize("value", ["[a, b]", "3", "{a: b}"])
    def test_it_is_one_name(self, tmp_path: Path, value: str) -> None:
        complaint = _complaint(_write(tmp_path, f"steps: 1\nextends: {value}\n"))
        assert re.search(r"r\.yaml:2: extends = .*must be one file name", complaint)

    def test_a_packaged_recipe_by_name(self, tmp_path: Path) -> None:
        base = _write(tmp_path, "steps: 5\nfast: true\n", "tour.yaml")
        path = _write(tmp_path, "extends: tour\nsteps: 6\n")
        resolved = load_config(Recipe, path, packaged={"tour": base})
        assert (resolved.value.steps, resolved.value.fast) == (6, True)
        assert resolved.origins["fast"] == f"{base}:2"

    def test_an_unknown_name_tells_the_packaged_ones(self, tmp_path: Path) -> None:
        path = _write(tmp_path, "extends: tuor\n")
        with pytest.raises(ConfigError, match=r"'tuor': neither a file .* packaged are: tour"):
            load_config(Recipe, path, packaged={"tour": tmp_path / "tour.yaml"})

    def test_packaged_recipe_in_an_archive(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
            archive.writestr("r.yaml", "steps: 4\n")
            archive.writestr("e.yaml", "extends: r.yaml\n")
        inside = zipfile.Path(tmp_path / "z.zip")
        assert load_config(Recipe, inside / "r.yaml").value.steps == 4
        with pytest.raises(ConfigError, match="cannot extend"):
            load_config(Recipe, inside / "e.yaml")


class TestOrigins:
    def test_every_value_has_one(self, recipe: Path) -> None:
        origins = load_config(Recipe, recipe, ["fast=true"]).origins
        assert origins["steps"] == f"{recipe}:1"
        assert origins["optimizer.betas.1"] == f"{recipe}:3"
        assert origins["fast"] == "command line"
        assert origins["optimizer.peak_lr"] == "default"
        assert origins["losses.0.name"] == "default"

    def test_resolved_text_loads_back(self, recipe: Path, tmp_path: Path) -> None:
        resolved = load_config(Recipe, recipe, ["optimizer.clip=.inf", "corpus.path=on"])
        for origins in (True, False):
            again = _write(tmp_path, resolved.to_yaml(origins=origins), "again.yaml")
            assert load_config(Recipe, again).value == resolved.value
        assert f"steps: 10  # {recipe}:1\n" in resolved.to_yaml()
        assert "fast: false  # default\n" in resolved.to_yaml()

    @given(
        steps=st.integers(-(10**20), 10**20),
        peak_lr=st.floats(min_value=0, exclude_min=True, allow_nan=False),
        options=st.dictionaries(st.text(max_size=4), st.floats(allow_nan=False) | st.text()),
        shape=st.sampled_from(Shape),
    )
    def test_any_value_loads_back(
        self, tmp_path_factory: pytest.TempPathFactory, steps, peak_lr, options, shape
    ) -> None:
        given_value = Recipe(
            steps=steps,
            optimizer=Optimizer(peak_lr=peak_lr, shape=shape),
            encoder=Plugin(name="p", options=options),
        )
        resolved = load_config(Recipe, None, default=given_value.model_dump(mode="json"))
        path = tmp_path_factory.getbasetemp() / "round.yaml"
        path.write_text(resolved.to_yaml(), encoding="utf-8")
        assert load_config(Recipe, path).value == given_value


class TestMistakes:
    def test_unknown_key_names_file_line_key_value_and_nearest(self, tmp_path: Path) -> None:
        path = _write(tmp_path, "steps: 1\noptimizer:\n  peak_rl: 0.25\n")
        assert _complaint(path) == (
            f"{path}:3: optimizer.peak_rl = 0.25: unknown key; did you mean 'peak_lr'? "
            "known keys here: peak_lr, betas, shape, clip"
        )

    def test_key_of_another_section_is_found(self, recipe: Path) -> None:
        assert "did you mean 'optimizer.peak_lr'?" in _complaint(recipe, "peak_lr=1")

    @pytest.mark.parametrize(
        ("override", "complaint"),
        [
            ("steps=many", "steps = 'many': must be a valid integer"),
            ("steps='12'", "steps = '12': must be a valid integer"),
            ("steps=1.5", "steps = 1.5: must be a valid integer"),
            ("steps=true", "steps = True: must be a valid integer"),
            ("fast=yes", "fast = 'yes': must be a valid boolean; write true or false"),
            ("fast=1", "fast = 1: must be a valid boolean; write true or false"),
            ("device=tpu", "device = 'tpu': must be 'cpu' or 'gpu'"),
            ("optimizer.shape=sine", "optimizer.shape = 'sine': must be 'cosine' or 'linear'"),
            ("optimizer.peak_lr=-1", "optimizer.peak_lr = -1: must be greater than 0"),
            ("optimizer.peak_lr=", "optimizer.peak_lr = None: must be a valid number"),
            ("optimizer.betas=[1]", "optimizer.betas.1: is required but not given"),
            ("optimizer=3", "optimizer = 3: must be an object"),
            ("losses=a", "losses = 'a': must be a valid array"),
            ("losses.0.nam=x", "losses.0.nam = 'x': unknown key; did you mean 'name'?"),
            ("encoder.name=[1]", "encoder.name = [1]: must be a valid string"),
        ],
    )
    def test_wrong_values(self, recipe: Path, override: str, complaint: str) -> None:
        assert _complaint(recipe, override).startswith(f"command line: {complaint}")

    def test_missing_key(self, tmp_path: Path) -> None:
        path = _write(tmp_path, "fast: true\n")
        assert _complaint(path) == f"{path}: steps: is required but not given"

    def test_sections_own_check_names_the_section(self, tmp_path: Path) -> None:
        path = _write(tmp_path, "steps: 1\ncorpus:\n  path: a\n  seed: 1\n")
        assert _complaint(path) == f"{path}:3: corpus: give either path or seed"

    def test_all_mistakes_at_once_one_line_each(self, recipe: Path) -> None:
        lines = _complaint(recipe, "stesp=1", "fast=no", "device=tpu").splitlines()
        assert len(lines) == 3
        assert all(line.startswith("command line: ") for line in lines)

    def test_long_values_are_cut(self, recipe: Path) -> None:
        assert len(_complaint(recipe, f"steps={'x' * 5000}")) < 200

    @pytest.mark.parametrize("text", ["steps", "=3", "a..b=3", ".a=1", "", "--steps=3=", "a.=1"])
    def test_malformed_overrides(self, recipe: Path, text: str) -> None:
        complaint = _complaint(recipe, text)
        assert complaint.startswith("command line: ")
        assert "\n" not in complaint

    def test_override_that_is_no_yaml(self, recipe: Path) -> None:
        assert "'[1': not valid YAML" in _complaint(recipe, "steps=[1")


class TestBadFiles:
    def _error(self, path: Path) -> str:
        with pytest.raises((ConfigError, FileFormatError)) as caught:
            load_config(Recipe, path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_missing(self, tmp_path: Path) -> None:
        assert "no such file" in self._error(tmp_path / "gone.yaml")

    def test_folder(self, tmp_path: Path) -> None:
        assert "folder" in self._error(tmp_path)

    @pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n"])
    def test_empty(self, tmp_path: Path, text: str) -> None:
        assert "empty" in self._error(_write(tmp_path, text))

    @pytest.mark.parametrize("text", ["- 1\n", "only words\n", "12"])
    def test_not_settings(self, tmp_path: Path, text: str) -> None:
        assert "must hold KEY: VALUE" in self._error(_write(tmp_path, text))

    def test_two_documents(self, tmp_path: Path) -> None:
        assert "not valid YAML" in self._error(_write(tmp_path, "a: 1\n---\nb: 2\n"))

    @pytest.mark.parametrize("data", [b"\x00\x01\x02", b"\xff\xfe\x00a", b"steps: \xe9\n"])
    def test_binary_or_foreign_encoding(self, tmp_path: Path, data: bytes) -> None:
        path = tmp_path / "r.yaml"
        path.write_bytes(data)
        assert "line 1" in self._error(path)

    def test_truncated_gz(self, tmp_path: Path) -> None:
        path = tmp_path / "r.yaml"
        path.write_bytes(gzip.compress(b"steps: 10\n" * 500)[:-20])
        assert "cut short" in self._error(path)

    def test_windows_line_ends_and_byte_order_mark(self, tmp_path: Path) -> None:
        path = tmp_path / "r.yaml"
        path.write_bytes(b"\xef\xbb\xbfsteps: 7\r\nfast: true\r\n")
        assert load_config(Recipe, path).value == Recipe(steps=7, fast=True)


class TestSchema:
    def test_a_recipe_that_extends_may_leave_things_out(self) -> None:
        schema = recipe_schema(Recipe)
        assert schema["properties"]["extends"]["type"] == "string"
        assert schema["anyOf"] == [{"required": ["extends"]}, {"required": ["steps"]}]
        assert "required" not in schema

    def test_units_reach_the_editor(self) -> None:
        class Documented(Section):
            length: float = 1.0
            """How long, Å."""

        schema = recipe_schema(Documented)
        assert schema["properties"]["length"]["description"] == "How long, Å."
        assert "anyOf" not in schema
