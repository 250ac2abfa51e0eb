"""Libraries that come with an extra and are imported when they are first needed."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any


def optional_module(module: str, need: str, install: str, *, error: type[Exception]) -> Any:
    """A module of a library that need not be installed.

    Parameters
    ----------
    module
        Its dotted name.
    need
        Who needs what, the beginning of the message: "probes need scikit-learn".
    install
        What to give to `pip install`, and any other way out.
    error
        What to raise if it is not installed or is broken; the cause is in the message.
    """
    try:
        return import_module(module)
    except ImportError as cause:
        raise error(f"{need} ({cause}); next: pip install {install}") from None


def installed_versions(distributions: Iterable[str]) -> dict[str, str]:
    """Versions of the distributions that are installed, by name."""
    found = {}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
