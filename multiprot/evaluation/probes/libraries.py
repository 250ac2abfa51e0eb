"""Libraries that only evaluation needs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from multiprot.errors import EvaluationError


def evaluation_library(module: str) -> Any:
    """A module of scikit-learn or of what comes with it.

    Raises
    ------
    EvaluationError
        If it is not installed or broken; the message says how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise EvaluationError(
            f"probes need scikit-learn ({error}); next: pip install 'multiprot[evaluation]'"
        ) from None
