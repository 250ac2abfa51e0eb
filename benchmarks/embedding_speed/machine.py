"""What a figure depends on: processor, device, threads, torch."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

_TELLING: Final = ("avx512f", "avx512_bf16", "amx_bf16")
"""Processor flags that decide how fast kernels can be."""


def machine(device: str, threads: int) -> dict[str, Any]:
    """Of this machine and this run."""
    told: dict[str, Any] = {
        "device": device,
        "threads": threads,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": version("torch"),
        **_processor(),
    }
    if device != "cpu":
        import torch

        told["accelerator"] = torch.cuda.get_device_name(device)
    # How many processes wanted a core in the last minute: others disturb what is measured.
    told["load_at_start"] = round(os.getloadavg()[0], 2)
    return told


def _processor() -> dict[str, Any]:
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {"processor": platform.processor() or "unnamed"}
    fields = [line.partition(":") for line in path.read_text().splitlines()]
    named = {name.strip(): value.strip() for name, _, value in fields}
    flags = named.get("flags", "").split()
    return {
        "processor": named.get("model name", "unnamed"),
        "processor_flags": [flag for flag in _TELLING if flag in flags],
    }
