"""What masked objectives share: the draw of what is hidden, and hiding geometry."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from multiprot.encoders.contract import HideableGeometry, ProteinBatch
from multiprot.errors import PluginError


def choose_items(eligible: Tensor, rate: float, rng: torch.Generator, at_least: int = 1) -> Tensor:
    """Each eligible item with probability `rate`, and at least `at_least` in each protein.

    Parameters
    ----------
    eligible
        bool [protein, item], on the CPU.
    rate
        Probability.
    rng
        Decides.
    at_least
        Items of each protein that are chosen; of a protein that has fewer eligible ones, all.

    Returns
    -------
    Tensor
        bool [protein, item].
    """
    lots = torch.rand(eligible.shape, generator=rng).masked_fill(~eligible, torch.inf)
    enough = min(at_least, eligible.shape[1])
    lowest = lots <= lots.kthvalue(enough, dim=1, keepdim=True).values
    return eligible & ((lots < rate) | lowest)


def hide_geometry(batch: ProteinBatch, hidden: Tensor, asking: str) -> ProteinBatch:
    """The batch with residues' own geometry hidden from the structure encoder, and that noted.

    Parameters
    ----------
    batch
        Left untouched; one without features of a structure encoder has nothing to hide.
    hidden
        bool [protein, residue], on the batch's device.
    asking
        Which objective asks, for the message.

    Raises
    ------
    PluginError
        If the features of the structure encoder cannot do that.
    """
    structure, before = batch.structure, batch.hidden_geometry
    if structure is None:
        return batch
    if not isinstance(structure, HideableGeometry):
        raise PluginError(
            f"{asking} needs to hide geometry, but {type(structure).__module__}."
            f"{type(structure).__qualname__} of the structure encoder has no `hide_geometry`; "
            "choose another structure encoder or leave the option or objective out"
        )
    return replace(
        batch,
        structure=structure.hide_geometry(hidden),
        hidden_geometry=hidden if before is None else before | hidden,
    )
