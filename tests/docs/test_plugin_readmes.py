"""The recipes in the README files of the first-party plugins are recipes."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from multiprot.cli.recipes import resolve_recipe
from tests.docs.blocks import ROOT

_YAML = re.compile(r"^```yaml\n(?P<source>.*?)^```", re.MULTILINE | re.DOTALL)


def recipes() -> list[tuple[str, str]]:
    return [
        (readme.parent.name, found["source"])
        for readme in sorted(ROOT.glob("plugins/*/README.md"))
        for found in _YAML.finditer(readme.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("source", [pytest.param(s, id=name) for name, s in recipes()])
def test_recipe_is_valid(source: str, tmp_path: Path) -> None:
    """Laid over the quickstart, it passes the checks of `multiprot pretrain` and takes effect."""
    base = tmp_path / "base.yaml"
    base.write_bytes((files("multiprot.training") / "recipes" / "quickstart.yaml").read_bytes())
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"extends: base.yaml\n{source}", encoding="utf-8")
    resolved = resolve_recipe([str(recipe)])
    assert any("recipe.yaml" in origin for origin in resolved.origins.values())
