"""Whether a recipe's encoders work in the precision that it asks for."""

from __future__ import annotations

from typing import Final

from multiprot.encoders.options import chosen_encoder
from multiprot.encoders.plugin import Capabilities, Modality, Precision
from multiprot.encoders.registry import Registry
from multiprot.errors import ConfigError
from multiprot.training.config import PretrainConfig

_NEEDED: Final[dict[str, Precision]] = {"32-true": "fp32", "bf16-mixed": "bf16"}


def refuse_unclaimed_precision(config: PretrainConfig, registry: Registry) -> None:
    """Raise `ConfigError`, naming the encoder, unless all claim what `trainer.precision` needs.

    An encoder whose tokens come from the cache is not run in training and need not.
    """
    needed = _NEEDED[config.trainer.precision]
    for modality in Modality:
        section = getattr(config.model, modality.value)
        if section is None:
            continue
        plugin, options = chosen_encoder(registry, modality, section)
        capabilities = plugin.capabilities(options)
        if needed not in capabilities.precisions and not _cached(config, modality, capabilities):
            raise ConfigError(
                f"trainer.precision {config.trainer.precision!r}: the {modality.value} encoder "
                f"{section.name!r} works in {', '.join(sorted(capabilities.precisions))} only; set "
                "trainer.precision=32-true, or take another encoder"
            )


def _cached(config: PretrainConfig, modality: Modality, capabilities: Capabilities) -> bool:
    cache = config.token_cache
    if cache is None or modality is Modality.GO:
        return False
    return not capabilities.trainable and modality.value in (cache.encoders or (modality.value,))
