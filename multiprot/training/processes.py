"""Which of several processes this one is, before the trainer knows."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from multiprot.errors import TrainingError

_RANKS: Final = ("RANK", "SLURM_PROCID", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK")
"""Set by torchrun, SLURM or Lightning's own launcher in every process; 0 in the first."""

_WAIT_SECONDS: Final = 600.0


def is_main_process() -> bool:
    """Whether this process writes the run's folder."""
    return all(os.environ.get(name, "0") == "0" for name in _RANKS)


def wait_for(path: Path, seconds: float = _WAIT_SECONDS) -> None:
    """Wait until the main process has made `path`; `TrainingError` if it takes too long."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline:
            raise TrainingError(f"{path}: the main process has not made it in {seconds:.0f} s")
        time.sleep(0.2)
