"""Libraries that only evaluation needs."""

from __future__ import annotations

from typing import Any

from multiprot.errors import EvaluationError
from multiprot.optional import optional_module


def evaluation_library(module: str) -> Any:
    """A module of scikit-learn or of what comes with it.

    Raises
    ------
    EvaluationError
        If it is not installed or broken; the message says how to install it.
    """
    return optional_module(
        module, "probes need scikit-learn", "'multiprot[evaluation]'", error=EvaluationError
    )
