"""Sinkhorn divergence of arrays, on a GPU when there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from multiprot.errors import TransferError
from multiprot.optimal_transport.rows import Rows, same_width, unit_rows

if TYPE_CHECKING:
    from torch import Tensor

    from multiprot.optimal_transport.sinkhorn import SinkhornOptions
    from multiprot.optimal_transport.soft_costs import Costs

Device = Literal["auto", "cpu", "cuda"]

_PAIRS_IN_MEMORY: Final = 5000**2
"""Costs that are held at once: 200 MB in float64."""


def sinkhorn_of_arrays(
    x: Rows, y: Rows, options: SinkhornOptions | None = None, device: Device = "auto"
) -> float:
    """S_ε of `multiprot.optimal_transport.sinkhorn` between two arrays.

    Sets of more than 5,000 proteins are compared block by block, in float32, without a matrix of
    pairs; that is meant for a GPU.

    Parameters
    ----------
    x
        [protein, channel].
    y
        [other protein, channel].
    options
        Blur, cost and accuracy.
    device
        "auto" takes a GPU if torch finds one.

    Raises
    ------
    TransferError
        If the sets cannot be compared, or there is no such device.
    """
    import torch

    from multiprot.optimal_transport.sinkhorn import SinkhornOptions, transport

    same_width(x, y)
    chosen = _device(device)
    settings = options or SinkhornOptions()
    large = max(len(x), len(y)) ** 2 > _PAIRS_IN_MEMORY
    dtype = np.float32 if large else np.float64
    first, second = (
        torch.from_numpy(unit_rows(rows, name).astype(dtype)).to(chosen)
        for rows, name in ((x, "first set"), (y, "second set"))
    )
    with torch.no_grad():
        both, own, other = (
            float(transport(_costs(a, b, settings.power, large), settings, symmetric=a is b))
            for a, b in ((first, second), (first, first), (second, second))
        )
    return both - 0.5 * own - 0.5 * other


def _costs(x: Tensor, y: Tensor, power: float, large: bool) -> Costs:
    from multiprot.optimal_transport.soft_costs import MatrixCosts, StreamedCosts, cosine_cost

    return StreamedCosts(x, y, power) if large else MatrixCosts(cosine_cost(x, y, power))


def _device(name: Device) -> str:
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise TransferError("device cuda: torch finds no GPU here; take cpu or auto")
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name
