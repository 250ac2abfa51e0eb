"""A bundle as the engine uses it: the whole model, or its encoder where there is nothing else."""

from __future__ import annotations

import torch

from multiprot.bundle import Bundle
from multiprot.embedding.models.bundle_model import BundleModel, identity_of
from multiprot.embedding.models.encoder_model import EncoderModel
from multiprot.embedding.models.model import EmbeddingModel
from multiprot.embedding.options import EmbedOptions
from multiprot.encoders.plugin import Modality


def model_of_bundle(bundle: Bundle, options: EmbedOptions, device: torch.device) -> EmbeddingModel:
    """The model of `bundle` on `device`.

    Where its protein vectors are the mean of the tokens of its sequence encoder, as a distilled
    student's are, that encoder alone gives them, without padding if it packs.
    """
    encoder = bundle.encoder_alone
    if encoder is None or options.space == "shared" or options.modalities == "structure":
        return BundleModel(bundle, options, device)
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
