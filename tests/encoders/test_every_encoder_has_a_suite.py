"""A core encoder without a class on the shared case is refused."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from multiprot.encoders.registry import ENCODER_GROUPS, Registry
from multiprot.testing import GoEncoderSuite, ResidueEncoderSuite

_SUITES = (ResidueEncoderSuite, GoEncoderSuite)


def _tested_names(folder: Path) -> Iterator[str]:
    for file in sorted(folder.glob("test_*.py")):
        if file.name == Path(__file__).name or "EncoderSuite" not in file.read_text():
            continue
        spec = importlib.util.spec_from_file_location(f"suite_search_{file.stem}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for member in vars(module).values():
            if isinstance(member, type) and issubclass(member, _SUITES):
                plugin = getattr(member, "plugin", None)
                if plugin is not None:
                    yield plugin.name


def _core_names() -> set[str]:
    rows = Registry.discover().rows()
    return {
        row.name
        for row in rows
        if row.distribution == "multiprot" and row.group in ENCODER_GROUPS.values()
    }


def test_every_core_encoder_has_a_suite() -> None:
    assert _core_names() - set(_tested_names(Path(__file__).parent)) == set()


def test_the_search_notices_a_missing_suite(tmp_path: Path) -> None:
    assert set(_tested_names(tmp_path)) == set()
    assert _core_names() >= {"residue-transformer", "residue-geometry", "term-table"}


@pytest.mark.parametrize("case", _SUITES)
def test_a_suite_without_tiny_config_cannot_be_used(case: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        case()
