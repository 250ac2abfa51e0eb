"""Telling that memory ran out, on a GPU or on the host, from other errors."""

from __future__ import annotations

from typing import Final

import torch

_SIGNS: Final = (
    "can't allocate memory",  # torch's allocator on the CPU
    "not enough memory",  # the same on Windows
    "std::bad_alloc",  # any other allocation within torch
    "could not create a primitive",  # oneDNN, which does not say of what it had too little
    "CUDA out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "out of memory",  # the driver's own words
)
"""What errors without a class of their own say."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def is_beyond_repair(error: BaseException) -> bool:
    """Whether the device cannot be used any more, whatever is tried next."""
    return isinstance(error, RuntimeError) and "CUDA error" in str(error)


def release_memory(device: torch.device) -> None:
    """Give back what the allocator keeps, so that what failed can be tried again in parts."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
