"""Plugin options in a recipe: what a mistake in them says."""

from __future__ import annotations

from pathlib import Path

import pytest

from multiprot.config import Section, load_config
from multiprot.encoders import (
    EncoderSection,
    Modality,
    ObjectiveSection,
    Registry,
    check_plugins,
    validate_options,
)
from multiprot.encoders.plugin import EncoderPlugin
from multiprot.encoders.reference.plugins import ResidueTransformerConfig, residue_transformer
from multiprot.errors import ConfigError, PluginError


class Model(Section):
    sequence: EncoderSection | None = None
    structure: EncoderSection | None = None


class Recipe(Section):
    model: Model = Model()
    objectives: tuple[ObjectiveSection, ...] = ()


def _complaint(options: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as caught:
        validate_options(residue_transformer, options, "model.sequence.options")
    return str(caught.value)


def test_good_options_become_the_plugins_section() -> None:
    section = validate_options(residue_transformer, {"width": 64, "heads": 2, "dropout": 0})
    assert section == ResidueTransformerConfig(width=64, heads=2, dropout=0)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"widht": 3}, "model.sequence.options.widht = 3: unknown key; did you mean 'width'?"),
        ({"layers": 0}, "model.sequence.options.layers = 0: must be greater than or equal to 1"),
        ({"layers": "4"}, "model.sequence.options.layers = '4': must be a valid integer"),
        ({"feed_forward": "relu"}, "model.sequence.options.feed_forward = 'relu': must be 'gated'"),
        ({"width": 12}, "model.sequence.options: width 12 must be a multiple of twice heads"),
    ],
)
def test_bad_options(options: dict[str, object], complaint: str) -> None:
    assert _complaint(options).startswith(f"options of 'residue-transformer': {complaint}")


def test_options_must_be_plain_values() -> None:
    with pytest.raises(ConfigError, match="must be plain values"):
        validate_options(residue_transformer, {"width": {1, 2}})


def test_a_config_of_another_kind_is_the_authors_mistake() -> None:
    from pydantic import BaseModel

    class Foreign(BaseModel):
        width: int = 3

    plugin: EncoderPlugin[ResidueTransformerConfig] = EncoderPlugin(
        name="foreign",
        modality=Modality.GO,
        summary="x",
        config=Foreign,  # type: ignore[arg-type]
        capabilities=residue_transformer.capabilities,
        build=residue_transformer.build,
    )
    with pytest.raises(PluginError, match="Foreign must derive from"):
        validate_options(plugin, {})


class TestRecipe:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "r.yaml"
        path.write_text(
            "model:\n"
            "  sequence:\n"
            "    name: residue-transformer\n"
            "    options: {widht: 3}\n"
            "  structure:\n"
            "    name: residue-geometri\n"
            "objectives:\n"
            "  - {name: masked-residue, options: {no_such: 1}}\n"
        )
        return path

    def test_every_plugin_is_checked_and_located(self, path: Path) -> None:
        resolved = load_config(Recipe, path)
        with pytest.raises(ConfigError) as caught:
            check_plugins(resolved.value, Registry.discover(), origins=resolved.origins)
        lines = str(caught.value).splitlines()
        assert len(lines) == 3
        assert lines[0].startswith(f"{path}:4: model.sequence.options.widht = 3: unknown key")
        assert lines[1].startswith(f"{path}:6: model.structure.name: unknown structure encoder")
        assert "did you mean 'residue-geometry'?" in lines[1]
        assert lines[2].startswith(f"{path}:8: objectives.0.options.no_such = 1: unknown key")

    def test_a_good_recipe_passes(self, path: Path) -> None:
        resolved = load_config(
            Recipe, path, ["model.structure=~", "objectives=[]", "model.sequence.options={}"]
        )
        check_plugins(resolved.value, Registry.discover(), origins=resolved.origins)

    def test_without_origins_the_key_is_named(self) -> None:
        recipe = Recipe(objectives=(ObjectiveSection(name="nothing"),))
        with pytest.raises(ConfigError, match=r"^objectives\.0\.name: unknown objective 'nothing'"):
            check_plugins(recipe, Registry.discover())


@pytest.mark.parametrize("weight", [-1.0, float("inf"), float("nan")])
def test_weights_are_finite_and_not_negative(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        ObjectiveSection(name="x", weight=weight)


@pytest.mark.parametrize("section", [EncoderSection, ObjectiveSection])
def test_a_plugin_has_a_name(section: type[Section]) -> None:
    with pytest.raises(ValueError, match="name"):
        section(name="")
