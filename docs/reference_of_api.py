"""The reference of Python names: what each package lists in `__all__`."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from typing import Any, Final

from multiprot.config import Section

PACKAGES: Final = (
    "multiprot.proteins",
    "multiprot.ontology",
    "multiprot.config",
    "multiprot.encoders",
    "multiprot.encoders.contract",
    "multiprot.encoders.token_ids",
    "multiprot.encoders.packed_token_ids",
    "multiprot.encoders.packed_attention",
    "multiprot.encoders.graphs",
    "multiprot.encoders.learning",
    "multiprot.encoders.lora",
    "multiprot.encoders.pretrained",
    "multiprot.data",
    "multiprot.optimal_transport",
    "multiprot.fusion",
    "multiprot.objectives",
    "multiprot.bundle",
    "multiprot.embedding",
    "multiprot.embedding.exchange",
    "multiprot.training.config",
    "multiprot.training.run",
    "multiprot.evaluation.tasks",
    "multiprot.evaluation.baselines",
    "multiprot.evaluation.features",
    "multiprot.evaluation.probes",
    "multiprot.evaluation.metrics",
    "multiprot.evaluation.statistics",
    "multiprot.evaluation.go_function",
    "multiprot.evaluation.calibration",
    "multiprot.evaluation.reliability",
    "multiprot.evaluation.comparison",
    "multiprot.transfer",
    "multiprot.search",
    "multiprot.fidelity",
    "multiprot.export",
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
    values = {name: getattr(module, name) for name in public_names(package)}
    listed = [name for name, value in values.items() if callable(value)]
    parts = [
        f"{package}\n{'=' * len(package)}",
        inspect.getdoc(module) or "",
        f".. currentmodule:: {package}",
        "\n".join([".. autosummary::", "   :nosignatures:", "", *(f"   {n}" for n in listed)]),
        *(_entry(package, name, value) for name, value in values.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _entry(package: str, name: str, value: Any) -> str:
    if inspect.isclass(value) and issubclass(value, Section):
        return _section(name, value)
    if inspect.isclass(value):
        return f".. autoclass:: {name}\n   :members:\n   :show-inheritance:"
    if inspect.isroutine(value):
        return f".. autofunction:: {name}"
    return f".. autodata:: {_home(package, name)}.{name}\n   :no-value:"


def _section(name: str, model: type[Section]) -> str:
    """A config section: its settings with their docstrings, instead of pydantic's machinery."""
    lines = [f".. py:class:: {name}(**settings)", "", f"   {_one_line(model.__doc__)}"]
    for key, field in model.described().model_fields.items():
        lines += ["", f"   {key}", f"      {_one_line(field.description)}"]
    return "\n".join(lines)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _home(package: str, name: str) -> str:
    """The module that declares a constant; only there is its docstring to be found."""
    for module in sorted(sys.modules):
        declared = vars(sys.modules[module]).get("__annotations__", {})
        if module.startswith(package) and name in declared:
            return module
    return package
