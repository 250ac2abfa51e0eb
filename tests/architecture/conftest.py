"""What the architecture tests look at."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """One file of library code."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))


def _sources(*roots: Path) -> tuple[Source, ...]:
    files = sorted(file for root in roots for file in root.rglob("*.py"))
    texts = [(file, file.read_text(encoding="utf-8")) for file in files]
    return tuple(Source(file, text, ast.parse(text)) for file, text in texts)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def library() -> tuple[Source, ...]:
    """Every module of multiprot."""
    return _sources(ROOT / "multiprot")


@pytest.fixture(scope="session")
def plugin_sources() -> tuple[Source, ...]:
    """Every module of the first-party plugins."""
    return _sources(*(ROOT / "plugins").glob("*/src"))
