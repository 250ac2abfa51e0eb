"""Devices, and what they can do."""

from __future__ import annotations

import torch

from multiprot.encoders.plugin import Precision
from multiprot.errors import ConfigError


def usable_device(name: str, precision: Precision = "fp32") -> torch.device:
    """The device called `name`.

    Parameters
    ----------
    name
        "cpu", "cuda", "cuda:1", "mps".
    precision
        Arithmetic that it must know.

    Raises
    ------
    ConfigError
        If it is not there, or emulates bfloat16 only, which is slower than float32.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device {name!r} cannot be used ({reason}); try cpu") from None
    if precision == "bf16" and device.type == "cuda":
        with torch.cuda.device(device):
            if not torch.cuda.is_bf16_supported(including_emulation=False):
                raise ConfigError(
                    f"precision bf16: {torch.cuda.get_device_name(device)} has no bfloat16 "
                    "arithmetic; take fp16 or fp32"
                )
    return device
