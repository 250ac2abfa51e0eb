"""A bundle as the engine uses it: the whole model, or its encoder where there is nothing else."""

from __future__ import annotations

from typing import Any

import torch

from multiprot.bundle import Bundle
from multiprot.embedding.models.bundle_model import BundleModel, identity_of
from multiprot.embedding.models.encoder_model import EncoderModel
from multiprot.embedding.models.model import EmbeddingModel
from multiprot.embedding.options import EmbedOptions
from multiprot.encoders.contract import ResidueEncoder
from multiprot.encoders.plugin import Modality


def model_of_bundle(bundle: Bundle, options: EmbedOptions, device: torch.device) -> EmbeddingModel:
    """The model of `bundle` on `device`.

    Where its protein vectors are the mean of the tokens of its sequence encoder, as a distilled
    student's are, that encoder alone gives them, without padding if it packs.
    """
    if options.space == "shared" or options.modalities == "structure" or not _is_plain(bundle):
        return BundleModel(bundle, options, device)
    encoder: ResidueEncoder[Any] = bundle.model.sequence  # type: ignore[assignment]
    model = EncoderModel(
        encoder,
        identity_of(bundle),
        Modality.SEQUENCE,
        bundle.capabilities()[Modality.SEQUENCE],
        precision=options.precision,
        device=device,
    )
    model.bundle = bundle
    return model


def _is_plain(bundle: Bundle) -> bool:
    fusion, sequence = bundle.config.fusion, bundle.model.sequence
    return (
        sequence is not None
        and fusion.residues == "alone"
        and fusion.pooling == "mean"
        and fusion.width == sequence.token_dim
        and fusion.sequence_stack is None
        and fusion.go_exchange is None
    )
