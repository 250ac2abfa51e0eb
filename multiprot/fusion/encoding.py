"""What the encoders say of a batch, before anything of the fusion has seen it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from multiprot.encoders.cached_tokens import CachedTokens
from multiprot.encoders.contract import (
    PartlyFrozen,
    ProteinBatch,
    ReadsSequenceTokens,
    ResidueEncoder,
    ResidueTokens,
)
from multiprot.errors import PluginError
from multiprot.fusion.tokens import cleared, padded_tokens, shown_tokens


def encoder_tokens(
    encoders: Mapping[str, ResidueEncoder[Any]], batch: ProteinBatch
) -> Iterator[tuple[str, ResidueTokens | None]]:
    """Each encoder's own tokens in the layout of the batch.

    Parameters
    ----------
    encoders
        "sequence", "structure" or both, in this order. A structure encoder that reads sequence
        tokens is given those that objectives let be seen, with zeros where there are none.
    batch
        Features, or tokens that were computed from them earlier.

    Yields
    ------
    tuple[str, ResidueTokens | None]
        Name and tokens [protein, residue, token_dim of the encoder]; a protein that lacks the
        stream has mask False. None where no protein of the batch has it: then the encoder does not
        run.
    """
    sequence = None
    for name, encoder in encoders.items():
        tokens = _tokens(name, encoder, batch, sequence)
        if name == "sequence":
            if tokens is not None and batch.token_sources is not None:
                tokens = shown_tokens(tokens, batch.token_sources)
            sequence = tokens
        yield name, tokens


def _tokens(
    name: str,
    encoder: ResidueEncoder[Any],
    batch: ProteinBatch,
    sequence: ResidueTokens | None,
) -> ResidueTokens | None:
    features = batch.sequence if name == "sequence" else batch.structure
    has = batch.has_sequence if name == "sequence" else batch.has_structure
    if features is None or not bool(has.any()):
        return None
    if isinstance(features, CachedTokens):
        found = _from_cache(encoder, features)
    elif isinstance(encoder, ReadsSequenceTokens):
        found = encoder(features, None if sequence is None else _cleared(sequence))
    else:
        found = encoder(features)
    tokens = padded_tokens(found, batch.residue_mask, type(encoder).__name__)
    return ResidueTokens(tokens.values, tokens.mask & has[:, None])


def _cleared(tokens: ResidueTokens) -> ResidueTokens:
    return ResidueTokens(cleared(tokens.values, tokens.mask), tokens.mask)


def _from_cache(encoder: ResidueEncoder[Any], cached: CachedTokens) -> ResidueTokens:
    if not cached.of_frozen_part:
        return cached.tokens()
    if not isinstance(encoder, PartlyFrozen):
        raise PluginError(
            f"{type(encoder).__name__}: cached tokens of its frozen part, but it has none; its "
            "plugin is another than the one that the cache was filled with"
        )
    return encoder.learning_part(cached.tokens())
