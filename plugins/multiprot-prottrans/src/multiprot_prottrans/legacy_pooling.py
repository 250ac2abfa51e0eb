"""MTDP's pooling: a protein's vector is the mean over a fixed number of places, padding included.

In the released code every protein is padded to 1,001 tokens, and the mean runs over residues, </s>
and padding alike, so that the vector of a protein depends on how far it is padded. Weights that
were trained so need it so.
"""

from __future__ import annotations

import torch
from torch import Tensor

from multiprot.encoders.token_ids import TokenIds
from multiprot.errors import PluginError


def padded_to(features: TokenIds, places: int, pad: int) -> tuple[Tensor, Tensor]:
    """Token ids, int64 [protein, place], and which of them are not padding, bool.

    Raises
    ------
    PluginError
        If a protein with its special tokens takes more places.
    """
    missing = places - features.tokens.shape[1]
    if missing < 0:
        raise PluginError(
            f"a protein of {features.mask.shape[1]} residues takes {features.tokens.shape[1]} "
            f"places, more than legacy_padding {places}; embed windows: lower max_residues"
        )
    tokens = torch.nn.functional.pad(features.tokens, (0, missing), value=pad)
    return tokens, torch.nn.functional.pad(features.attended, (0, missing), value=False)


def with_mean_of_all(values: Tensor, mask: Tensor, hidden: Tensor) -> Tensor:
    """Residue tokens, moved together so that their mean is that of all places.

    Parameters
    ----------
    values
        [protein, residue, channel].
    mask
        bool [protein, residue].
    hidden
        [protein, place, channel]: what the model gave for every place.
    """
    shown = values.masked_fill(~mask[..., None], 0.0)
    own = shown.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)
    return values + (hidden.mean(dim=1) - own)[:, None]
