"""From what a user calls a model to the model: a bundle's folder, or an encoder's name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from multiprot.bundle import load_bundle
from multiprot.config import Section, load_config
from multiprot.embedding.models.encoder_model import EncoderModel, hash_of_encoder
from multiprot.embedding.models.model import EmbeddingModel, ModelIdentity
from multiprot.embedding.models.of_bundle import model_of_bundle
from multiprot.embedding.options import DEFAULT_MODEL, EmbedOptions
from multiprot.encoders.contract import ReadsSequenceTokens, ResidueEncoder
from multiprot.encoders.lock import lock_entry
from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality
from multiprot.encoders.registry import ENCODER_GROUPS, Registry
from multiprot.errors import BundleError, ConfigError

_RESIDUE_MODALITIES = (Modality.SEQUENCE, Modality.STRUCTURE)


def open_model(
    model: Path | str,
    options: EmbedOptions,
    device: torch.device,
    *,
    encoder_options: Sequence[str] = (),
    allow_other_versions: bool = False,
) -> EmbeddingModel:
    """The model that `model` names.

    Parameters
    ----------
    model
        Folder of a bundle; or an encoder alone, `NAME:CHECKPOINT` or `NAME`.
    options
        How records will be embedded.
    device
        Where the model is to lie.
    encoder_options
        Further options of an encoder, `KEY=VALUE`; not for bundles, which hold their own.
    allow_other_versions
        As in `load_bundle`.

    Raises
    ------
    BundleError
        As `load_bundle`; also if `model` is neither a folder nor an encoder.
    ConfigError, PluginError
        If the encoder's options are wrong, its checkpoint cannot be read, or it is one that does
        not work alone.
    """
    registry = Registry.discover()
    name, _, checkpoint = str(model).partition(":")
    known = _encoders(registry)
    if not Path(model).exists() and name in known:
        return _encoder(registry, name, checkpoint, encoder_options, options, device)
    if encoder_options:
        raise ConfigError(
            f"{model}: {encoder_options[0]} is an option of an encoder alone; a bundle has its own"
        )
    if not Path(model).exists():
        install = "; `pip install multiprot-mini` brings it" if name == DEFAULT_MODEL else ""
        raise BundleError(
            f"{model}: no such folder, and no encoder {name!r} is installed{install}; name the "
            "folder of a model bundle, or an encoder as NAME:CHECKPOINT "
            f"(known: {', '.join(sorted(known))})"
        )
    if options.compile:
        raise ConfigError(
            f"{model}: compile is for an encoder alone, not for a bundle; leave it out"
        )
    bundle = load_bundle(model, allow_other_versions=allow_other_versions)
    return model_of_bundle(bundle, options, device)


def _encoders(registry: Registry) -> set[str]:
    return {n for modality in _RESIDUE_MODALITIES for n in registry.names(ENCODER_GROUPS[modality])}


def _encoder(
    registry: Registry,
    name: str,
    checkpoint: str,
    overrides: Sequence[str],
    options: EmbedOptions,
    device: torch.device,
) -> EncoderModel:
    plugin = _plugin(registry, name)
    if checkpoint and "checkpoint" not in plugin.config.model_fields:
        raise ConfigError(
            f"{name}:{checkpoint}: encoder {name} takes no checkpoint; give its options as "
            f"KEY=VALUE (see `multiprot plugins show {name}`)"
        )
    given = {"checkpoint": checkpoint} if checkpoint else None
    section = load_config(plugin.config, None, overrides, default=given).value
    # Without a checkpoint, weights are drawn: always the same ones.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder: Any = plugin.build(section)
    if isinstance(encoder, ReadsSequenceTokens):
        raise ConfigError(
            f"{name}: with these options it reads the tokens of a sequence encoder, and alone has "
            "none to read; name the bundle of a model that has both, or change the options"
        )
    capabilities = plugin.capabilities(section)
    identity = ModelIdentity(
        kind="encoder",
        name=name,
        source=f"{name}:{checkpoint}" if checkpoint else name,
        content_hash=hash_of_encoder(lock_entry(registry, plugin, section), encoder),
        warnings=_warnings(name, section, encoder, capabilities),
    )
    model = EncoderModel(
        encoder,
        identity,
        plugin.modality,
        capabilities,
        precision=options.precision,
        device=device,
    )
    if options.compile:
        model.compile()
    return model


def _warnings(
    name: str, section: Section, encoder: ResidueEncoder[Any], capabilities: Capabilities
) -> tuple[str, ...]:
    takes_one = "checkpoint" in type(section).model_fields
    given = getattr(section, "checkpoint", None) if takes_one else capabilities.weights_license
    if given or next(encoder.parameters(), None) is None:
        return ()
    advice = f"give {name}:CHECKPOINT" if takes_one else "train it, then name the model's bundle"
    return (f"{name}: its weights are random; {advice}",)


def _plugin(registry: Registry, name: str) -> EncoderPlugin[Any]:
    found = [m for m in _RESIDUE_MODALITIES if name in registry.names(ENCODER_GROUPS[m])]
    if len(found) > 1:
        raise ConfigError(
            f"{name}: is the name of a sequence encoder and of a structure encoder; uninstall one"
        )
    return registry.encoder(found[0], name)
