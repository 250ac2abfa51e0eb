"""The reference of Python names: what each package lists in `__all__`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any, Final

PACKAGES: Final = (
    "multiprot.proteins",
    "multiprot.ontology",
    "multiprot.config",
    "multiprot.encoders",
    "multiprot.encoders.contract",
    "multiprot.data",
    "multiprot.fusion",
    "multiprot.objectives",
    "multiprot.bundle",
    "multiprot.embedding",
    "multiprot.training.config",
    "multiprot.training.run",
    "multiprot.testing",
    "multiprot.errors",
)
"""Shown in import order; a module without `__all__` shows the public names it defines."""


def api_pages() -> Iterator[tuple[str, str]]:
    """Name and reStructuredText of one page per package; the number keeps them in order."""
    for number, package in enumerate(PACKAGES):
        yield f"{number:02d}-{package.removeprefix('multiprot.')}", _page(package)


def public_names(package: str) -> list[str]:
    """What a package offers, sorted."""
    module = importlib.import_module(package)
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return sorted(listed)
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == package
    )


def _page(package: str) -> str:
    module = importlib.import_module(package)
    names = public_names(package)
    summary = inspect.getdoc(module) or ""
    parts = [
        f"{package}\n{'=' * len(package)}",
        summary,
        f".. currentmodule:: {package}",
        "\n".join([".. autosummary::", "", *(f"   {name}" for name in names)]),
        *(_entry(getattr(module, name), name) for name in names),
    ]
    return "\n\n".join(parts) + "\n"


def _entry(value: Any, name: str) -> str:
    if inspect.isclass(value):
        return f".. autoclass:: {name}\n   :members:\n   :show-inheritance:"
    if callable(value) and hasattr(value, "__name__"):
        return f".. autofunction:: {name}"
    return f".. autodata:: {name}"
