"""Whether two runs are one and the same, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from multiprot.training.checkpoint_files import checkpoint_path


def equal(one: Any, other: Any) -> bool:
    """Whether two nested structures are equal to the bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other) and one.dtype == other.dtype
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def state(run: Path, step: int) -> dict[str, Any]:
    """Weights, optimizer, schedule and average in a checkpoint; no times."""
    content = torch.load(checkpoint_path(run / "checkpoints", step), weights_only=True)
    del content["callbacks"]["Clock"]
    kept = ("state_dict", "optimizer_states", "lr_schedulers", "callbacks", "global_step")
    return {key: content[key] for key in kept}


def bundle_weights(run: Path) -> bytes:
    """The model's tensors as they lie on disk."""
    return (run / "bundle" / "model.safetensors").read_bytes()


def logs(run: Path) -> tuple[str, ...]:
    """The logs that hold no times."""
    return tuple((run / "logs" / f"{table}.csv").read_text() for table in ("train", "valid"))


def assert_same_run(one: Path, other: Path, step: int) -> None:
    """Checkpoint, bundle and logs of two runs that ended after `step`."""
    assert equal(state(one, step), state(other, step))
    assert bundle_weights(one) == bundle_weights(other)
    assert logs(one) == logs(other)
