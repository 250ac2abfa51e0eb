"""The libraries of other tools, imported when an export needs them."""

from __future__ import annotations

from typing import Any

from multiprot.errors import ExportError
from multiprot.optional import optional_module


def export_library(module: str, extra: str) -> Any:
    """The module of a library that multiprot alone does not need.

    Parameters
    ----------
    module
        Its dotted name.
    extra
        The extra of multiprot that brings it: transformers or onnx.

    Raises
    ------
    ExportError
        If it is not installed; names the extra.
    """
    library = module.partition(".")[0]
    need = f"this export needs {library}"
    return optional_module(module, need, f"'multiprot[{extra}]'", error=ExportError)
