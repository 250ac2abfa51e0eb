"""Optional libraries: plotly draws, Jinja writes, umap-learn and scikit-learn lay out."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from multiprot.errors import ReportError


def report_library(module: str) -> Any:
    """A module of a library that only reports need.

    Raises
    ------
    ReportError
        If it is not installed or broken; the message says how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ReportError(
            f"reports need the module {module} ({error}); next: pip install 'multiprot[report]'"
        ) from None
