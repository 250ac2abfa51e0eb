"""What the verbs that take a recipe share: `[RECIPE] [KEY=VALUE ...]` to a resolved config."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from multiprot.errors import ConfigError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from multiprot.config import ResolvedConfig
    from multiprot.training.config import PretrainConfig
    from multiprot.training.masked.config import MaskedConfig

EMBEDDED_DEFAULT: Final = "quickstart"
"""The packaged recipe that runs where none is given."""


def split_recipe(arguments: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The recipe, or None, and the overrides of a verb's positional arguments.

    Raises
    ------
    ConfigError
        If there are two recipes, or the recipe does not come first.
    """
    recipes = [argument for argument in arguments if "=" not in argument]
    if len(recipes) > 1 or (recipes and arguments[0] != recipes[0]):
        raise ConfigError(
            f"arguments {' '.join(arguments)!r}: give one recipe first, then overrides "
            "written KEY=VALUE"
        )
    overrides = tuple(argument for argument in arguments if "=" in argument)
    return (recipes[0] if recipes else None), overrides


def find_recipe(name: str | None) -> Path | Traversable:
    """The file of a recipe: a path, or the name of one that is packaged with multiprot.

    Raises
    ------
    ConfigError
        If there is neither a file nor a packaged recipe of that name.
    """
    packaged = packaged_recipes()
    if name is None:
        name = EMBEDDED_DEFAULT
    elif Path(name).exists() or Path(name).suffix or "/" in name:
        return Path(name)
    if name not in packaged:
        raise ConfigError(
            f"recipe {name!r}: neither a file nor a packaged recipe; packaged are: "
            f"{', '.join(packaged) or 'none'}"
        )
    return packaged[name]


def packaged_recipes() -> dict[str, Path | Traversable]:
    """Recipes that come with multiprot, by name."""
    folder = files("multiprot.training") / "recipes"
    found = {}
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".yaml"):
            found[entry.name.removesuffix(".yaml")] = entry
    return dict(found)


def resolve_any(
    arguments: Sequence[str],
) -> ResolvedConfig[PretrainConfig] | ResolvedConfig[MaskedConfig]:
    """As `resolve_recipe`, for recipes of fused models and of students."""
    return resolve_masked(arguments) or resolve_recipe(arguments)


def resolve_masked(arguments: Sequence[str]) -> ResolvedConfig[MaskedConfig] | None:
    """As `resolve_recipe`, if the recipe is one of a student's pretraining; else None.

    Only such a recipe says of which kind it is.
    """
    from multiprot.config import load_config
    from multiprot.config.load import setting_of
    from multiprot.training.masked.config import MaskedConfig

    recipe, overrides = split_recipe(arguments)
    found, packaged = find_recipe(recipe), packaged_recipes()
    if setting_of(found, "kind", packaged) is None:
        return None
    return load_config(MaskedConfig, found, overrides, packaged=packaged)


def resolve_recipe(arguments: Sequence[str]) -> ResolvedConfig[PretrainConfig]:
    """The pretraining config that `[RECIPE] [KEY=VALUE ...]` stands for, plugins' options checked.

    Raises
    ------
    ConfigError
        If the recipe or an override is wrong; one line per finding.
    """
    from multiprot.config import load_config
    from multiprot.encoders.options import check_plugins
    from multiprot.encoders.registry import Registry
    from multiprot.training.config import PretrainConfig

    recipe, overrides = split_recipe(arguments)
    resolved = load_config(
        PretrainConfig, find_recipe(recipe), overrides, packaged=packaged_recipes()
    )
    check_plugins(resolved.value, Registry.discover(), origins=resolved.origins)
    return resolved
