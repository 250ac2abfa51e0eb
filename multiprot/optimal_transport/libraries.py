"""Optional libraries: POT for optimal transport, scikit-learn for what surrounds it."""

from __future__ import annotations

from typing import Any

from multiprot.errors import TransferError
from multiprot.optional import optional_module


def import_pot() -> Any:
    """POT (Flamary et al. 2021, JMLR 22:78), or an error that says how to get it."""
    return _imported("ot", "POT")


def import_sklearn(module: str) -> Any:
    """A module of scikit-learn by its name below `sklearn`, or an error that says how to get it."""
    return _imported(f"sklearn.{module}", "scikit-learn")


def _imported(module: str, package: str) -> Any:
    need = f"this measure needs the package {package}"
    return optional_module(module, need, "'multiprot[transfer]'", error=TransferError)
