"""How fast this machine multiplies matrices: what no forward pass can exceed."""

from __future__ import annotations

import time
from typing import Final

import torch
from torch import Tensor

DTYPES: Final = {"fp32": "float32", "bf16": "bfloat16"}
_SIDES: Final = {"cpu": (1024, 2048), "cuda": (4096, 8192, 16384)}


def matmul_ceiling(device: str, precision: str, seconds: float = 0.3) -> float:
    """Floating-point operations per second of the best of some square products.

    Parameters
    ----------
    device
        "cpu", "cuda" or "cuda:1".
    precision
        "fp32" (in full on CUDA, no TF32) or "bf16".
    seconds
        How long each size is tried at least, after it has been warmed up.
    """
    best = 0.0
    for side in _SIDES[device.split(":")[0]]:
        kind = getattr(torch, DTYPES[precision])
        left, right = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
        _timed(left, right)
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            best = max(best, 2 * side**3 / _timed(left, right))
    return best


def _timed(left: Tensor, right: Tensor) -> float:
    """Seconds that one of some products takes."""
    products = 10 if left.is_cuda else 1
    began = time.perf_counter()
    for _ in range(products):
        torch.mm(left, right)
    if left.is_cuda:
        torch.cuda.synchronize(left.device)
    return (time.perf_counter() - began) / products
