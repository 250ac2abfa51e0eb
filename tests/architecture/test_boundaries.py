"""What may stand where: plugins' imports, documented sections, test folders."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import multiprot
from multiprot.config import Section

PUBLIC_CONTRACT = frozenset(
    {
        "multiprot.config",
        "multiprot.encoders",
        "multiprot.encoders.contract",
        "multiprot.encoders.graphs",
        "multiprot.encoders.learning",
        "multiprot.encoders.lora",
        "multiprot.encoders.packed_attention",
        "multiprot.encoders.packed_token_ids",
        "multiprot.encoders.plugin",
        "multiprot.encoders.pretrained",
        "multiprot.encoders.token_ids",
        "multiprot.errors",
        "multiprot.files",
        "multiprot.ontology",
        "multiprot.proteins",
        "multiprot.student",
    }
)
"""All that a plugin may import from multiprot."""

TEST_FOLDERS_OF_THEIR_OWN = {"architecture", "benchmarks", "distributed", "docs", "packaging"}


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def test_plugins_use_nothing_but_the_public_contract(plugin_sources: tuple[Any, ...]) -> None:
    assert plugin_sources, "there are first-party plugins"
    foreign = {
        f"{source.name}: {name}"
        for source in plugin_sources
        for name in _imported(source.tree)
        if name.split(".")[0] == "multiprot" and name not in PUBLIC_CONTRACT
    }
    assert foreign == set()


def test_multiprot_knows_none_of_its_plugins(library: tuple[Any, ...], root: Path) -> None:
    packages = {path.parent.name for path in (root / "plugins").glob("*/src/*/__init__.py")}
    used = {n.split(".")[0] for source in library for n in _imported(source.tree)}
    assert used & packages == set()


def test_every_plugin_pins_the_contract_it_was_written_for(plugin_sources: tuple[Any, ...]) -> None:
    declarations = [
        node
        for source in plugin_sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") in ("EncoderPlugin", "ObjectivePlugin")
    ]
    assert declarations
    assert all("api_version" in {k.arg for k in node.keywords} for node in declarations)


def test_plugin_distributions_declare_what_they_are(root: Path) -> None:
    for file in sorted((root / "plugins").glob("*/pyproject.toml")):
        project = tomllib.loads(file.read_text())["project"]
        assert project["name"] == file.parent.name
        assert any(need.startswith("multiprot") for need in project["dependencies"]), project
        assert any(g.startswith("multiprot.") for g in project["entry-points"]), project["name"]


def _sections(parent: type[Section]) -> Iterator[type[Section]]:
    for child in parent.__subclasses__():
        yield child
        yield from _sections(child)


@pytest.fixture(scope="module")
def modules() -> list[str]:
    found = [m.name for m in pkgutil.walk_packages(multiprot.__path__, "multiprot.")]
    for name in found:
        importlib.import_module(name)
    return found


def test_every_setting_is_documented(modules: list[str]) -> None:
    mine = [section for section in _sections(Section) if section.__module__ in modules]
    assert len(mine) >= 10
    bare = [
        f"{section.__module__}.{section.__name__}.{name}"
        for section in mine
        for name, field in section.described().model_fields.items()
        if not field.description
    ]
    assert bare == []


def test_every_public_name_of_a_package_exists(modules: list[str]) -> None:
    for name in modules:
        module = importlib.import_module(name)
        missing = [n for n in getattr(module, "__all__", ()) if not hasattr(module, n)]
        assert missing == [], name


def test_tests_lie_beside_what_they_test(root: Path) -> None:
    folders = {p.name for p in (root / "tests").iterdir() if p.is_dir() and any(p.glob("*.py"))}
    code = {path.parent.name for path in (root / "multiprot").glob("*/__init__.py")}
    assert folders - code - TEST_FOLDERS_OF_THEIR_OWN == set()
