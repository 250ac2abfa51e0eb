"""What must be there before a student can be taught."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from multiprot.training.config import PretrainConfig


def missing(config: PretrainConfig, recipe: str, settings: Sequence[str]) -> list[str]:
    """What to do, a line each: teachers' stores that are not there, and how to make them.

    Parameters
    ----------
    config
        The recipe with all teachers.
    recipe
        Its file.
    settings
        What was set beside it.
    """
    absent = {n: t.store for n, t in config.teachers.items() if t.store and not t.store.is_dir()}
    if not absent:
        return []
    told = ", ".join(f"{name} ({store})" for name, store in absent.items())
    command = shlex.join(["multiprot", "teach", recipe, *settings])
    return [f"no vectors of the teachers {told}; make them, once, with", f"  {command}"]
