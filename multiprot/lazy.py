"""Names of a package that are imported when they are first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A `__getattr__` for `package`, so that importing it imports no large library.

    Parameters
    ----------
    package
        Its `__name__`.
    homes
        Public name -> module in which it lives, relative to the package.

    Returns
    -------
    Callable
        Raises AttributeError for a name that is not in `homes`, as Python expects.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return find
