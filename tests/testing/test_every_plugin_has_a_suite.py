"""A registered plugin of ours without a class on its suite is refused."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

from multiprot.encoders.registry import Registry
from multiprot.testing.standard import PluginSuite

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "tests", *ROOT.glob("plugins/*/tests")]


def with_suite(folders: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Kind of suite and name of every plugin that has a suite in these folders."""
    for file in sorted(file for folder in folders for file in folder.rglob("test_*.py")):
        if "Suite)" not in file.read_text(encoding="utf-8") or file == Path(__file__):
            continue
        spec = importlib.util.spec_from_file_location(f"suite_search_{file.stem}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for member in vars(module).values():
            if isinstance(member, type) and issubclass(member, PluginSuite):
                plugin = getattr(member, "plugin", None)
                if plugin is not None and member.__name__.startswith("Test"):
                    yield type(plugin).__name__, plugin.name


def registered() -> set[tuple[str, str]]:
    """Kind and name of every plugin that this repository brings and this environment has."""
    registry = Registry.discover()
    return {
        (type(registry.plugin(row.group, row.name)).__name__, row.name)
        for row in registry.rows()
        if row.distribution.startswith("multiprot")
    }


def test_every_plugin_has_a_suite() -> None:
    assert registered() - set(with_suite(FOLDERS)) == set()


def test_the_search_notices_a_missing_suite(tmp_path: Path) -> None:
    assert set(with_suite([tmp_path])) == set()
    assert {name for _, name in registered()} >= {"residue-transformer", "term-table", "esm2"}
