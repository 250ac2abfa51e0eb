"""Optional libraries: plotly draws, Jinja writes, umap-learn and scikit-learn lay out."""

from __future__ import annotations

from typing import Any

from multiprot.errors import ReportError
from multiprot.optional import optional_module


def report_library(module: str) -> Any:
    """A module of a library that only reports need.

    Raises
    ------
    ReportError
        If it is not installed or broken; the message says how to install it.
    """
    return optional_module(
        module, f"reports need the module {module}", "'multiprot[report]'", error=ReportError
    )
