"""Where the time of a run goes: matrix products, attention, the rest of the arithmetic, waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

KINDS: Final = {
    "attention": ("scaled_dot_product", "flash", "fmha", "varlen", "softmax", "nested"),
    "matrix products": ("mm", "gemm", "linear", "matmul", "mkldnn", "cutlass", "nvjet", "xmma"),
    "gelu": ("gelu",),
    "norms": ("layer_norm", "layernorm"),
    "copies": ("copy", "cat", "memcpy", "memset", "contiguous", "clone", "_to_copy", "pin_memory"),
    "rotations and other elementwise": (
        *("mul", "add", "sub", "neg", "cos", "sin", "elementwise", "div", "fill", "where"),
    ),
    "gathers": ("index", "embedding", "gather", "scatter", "repeat_interleave"),
}
"""Words in the names of operators and kernels; the first kind with a word in a name takes it."""

LISTED: Final = 15


def kind_of(name: str) -> str:
    """The kind of an operator or kernel."""
    told = name.lower()
    return next((kind for kind, words in KINDS.items() if any(w in told for w in words)), "others")


def profiled(act: Callable[[], None], device: str) -> dict[str, Any]:
    """Shares of the wall time of `act` by kind of operator, on CUDA by kind of kernel.

    On the CPU time is added up over all threads that call operators, and what is left to the wall
    time is Python, reading and writing that nothing else overlaps; on CUDA what is left is an idle
    device.
    """
    from torch.profiler import ProfilerActivity, profile

    cuda = device.startswith("cuda")
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    began = time.perf_counter()
    with profile(activities=activities, experimental_config=_every_thread()) as watched:
        act()
        wall = time.perf_counter() - began
    named: dict[str, float] = {}
    for event in watched.key_averages():
        # On CUDA the kernels themselves, not the operators that called them.
        if cuda and event.device_type.name == "CUDA":
            named[event.key] = event.self_device_time_total / 1e6
        elif not cuda:
            named[event.key] = event.self_cpu_time_total / 1e6
    kinds: dict[str, float] = {}
    for name, seconds in named.items():
        kinds[kind_of(name)] = kinds.get(kind_of(name), 0.0) + seconds
    kinds["idle device" if cuda else "no operator"] = max(0.0, wall - sum(named.values()))
    longest = sorted(named, key=lambda name: -named[name])[:LISTED]
    return {
        "wall_seconds": wall,
        "share_of_wall": {k: s / wall for k, s in sorted(kinds.items(), key=lambda p: -p[1])},
        "operators": {name: named[name] / wall for name in longest},
    }


def _every_thread() -> Any:
    """Have the profiler look at threads that were there before it, where this torch can."""
    from torch._C._profiler import _ExperimentalConfig

    try:
        return _ExperimentalConfig(profile_all_threads=True)
    except TypeError:
        return None
