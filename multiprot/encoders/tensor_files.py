"""Tensors in and out of safetensors files; what does not fit is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from multiprot.errors import BundleError
from multiprot.files import atomic_file

_METADATA: Final = "multiprot"


def save_tensors(
    tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str] | None = None
) -> None:
    """Write `tensors` with their own dtypes; what shares memory is written once per name."""
    plain = {
        name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()
    }
    # safetensors makes files that only their owner may read; `atomic_file` gives the usual mode.
    with atomic_file(path) as partial:
        save_file(plain, partial, metadata=_packed(metadata or {}))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file.

    Raises
    ------
    BundleError
        If the file is not in that format.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as handle:
            tensors = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
            return tensors, json.loads((handle.metadata() or {}).get(_METADATA, "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise BundleError(f"{path}: is not a safetensors file ({error})") from None


def _packed(metadata: Mapping[str, str]) -> dict[str, str]:
    # safetensors writes several entries in an order that changes from call to call; one entry
    # keeps equal content equal bytes.
    return {_METADATA: json.dumps(dict(metadata), sort_keys=True)} if metadata else {}


def fill_module(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    source: Path,
    *,
    described_by: str = "config.yaml and the installed plugins",
) -> None:
    """Load `tensors` into `module`, which must have exactly these names, shapes and dtypes.

    Parameters
    ----------
    module
        What they are of.
    tensors
        Name -> tensor.
    source
        File that they were read from, for errors.
    described_by
        What says which tensors there have to be, for errors.

    Raises
    ------
    BundleError
        Naming the first tensor that does not fit.
    """
    wanted = module.state_dict()
    for name, tensor in wanted.items():
        if name not in tensors:
            raise BundleError(
                f"{source}: lacks the tensor {name} {list(tensor.shape)} that {described_by} ask "
                "for; they do not belong together"
            )
        found = tensors[name]
        if found.shape != tensor.shape or found.dtype != tensor.dtype:
            raise BundleError(
                f"{source}: tensor {name} is {_described(found)}, but {described_by} ask for "
                f"{_described(tensor)}"
            )
    surplus = sorted(set(tensors) - set(wanted))
    if surplus:
        raise BundleError(
            f"{source}: holds the tensor {surplus[0]}{_and_more(surplus)} for which the model that "
            f"{described_by} describe has no place"
        )
    module.load_state_dict(dict(tensors), strict=True)


def refuse_non_finite(module: nn.Module, what: str) -> None:
    """Raise `BundleError` if a parameter holds NaN or infinity."""
    for name, parameter in module.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            raise BundleError(
                f"{what}: parameter {name} holds NaN or infinity; a diverged model is of no use, "
                "go back to an earlier checkpoint"
            )


def _described(tensor: Tensor) -> str:
    return f"{list(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def _and_more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
