"""The model that fine-tuning begins with: a bundle as it is, or one that is made first.

Where adapters are added, or an encoder alone becomes a model, the start is saved as a bundle in the
run's folder and read back: a resumed run begins with the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from multiprot.bundle import (
    Bundle,
    BundleExtras,
    TrainingSequences,
    load_bundle,
    save_bundle,
)
from multiprot.encoders.plugin import Modality
from multiprot.encoders.registry import Registry
from multiprot.encoders.section import EncoderSection
from multiprot.errors import ConfigError, TrainingError
from multiprot.finetuning.encoder_alone import StructureChoice, is_encoder, model_of_encoder
from multiprot.fusion import ModelConfig, build_model
from multiprot.training.finetune.options import FineTuneOptions
from multiprot.training.seeding import seed_at

if TYPE_CHECKING:
    from multiprot.fusion import FusionModel

_BASE_LAYER = ".base_layer."
"""How peft names an adapted layer's own weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A bundle to begin with, and where it came from.

    Attributes
    ----------
    bundle
        Its model is trained in place.
    name
        Of the model that the user named.
    source
        As the user named it.
    content_hash
        Of the model that the user named; None for an encoder alone.
    """

    bundle: Bundle
    name: str
    source: str
    content_hash: str | None


def open_start(
    model: str,
    options: FineTuneOptions,
    folder: Path,
    *,
    encoder_options: Sequence[str] = (),
    beside: StructureChoice | None = None,
    allow_other_versions: bool = False,
) -> Start:
    """The bundle to begin with.

    Parameters
    ----------
    model
        Folder of a bundle, or a sequence encoder alone: "esm2:/path/to/checkpoint".
    options
        Whether adapters are added, and which.
    folder
        Where bundles that have to be made go; read if they are there.
    encoder_options
        Further options of an encoder alone, `KEY=VALUE`.
    beside
        A structure encoder to put beside an encoder alone.
    allow_other_versions
        As in `load_bundle`.

    Raises
    ------
    BundleError, ConfigError, PluginError
        If the model cannot be opened.
    TrainingError
        If it reads no sequences, or takes no adapters where they are asked for.
    """
    registry = Registry.discover()
    if not Path(model).exists() and is_encoder(registry, model):
        alone = folder / "encoder"
        if not alone.exists():
            made = model_of_encoder(
                registry, model, encoder_options, beside=beside, seed=options.seed
            )
            _save_encoders(registry, model.partition(":")[0], made, alone)
        bundle, content_hash = load_bundle(alone), None
    elif beside is not None:
        raise ConfigError(
            f"{model}: --structure-encoder {beside.encoder} is for a sequence encoder alone; a "
            "bundle has the encoders that it has"
        )
    elif encoder_options:
        raise ConfigError(
            f"{model}: {encoder_options[0]} is an option of an encoder alone; a bundle has its own"
        )
    else:
        bundle = load_bundle(model, allow_other_versions=allow_other_versions)
        content_hash = bundle.content_hash
    section = bundle.config.sequence
    if section is None:
        raise TrainingError(
            f"{model}: reads no sequences, and tasks have nothing else; choose another model"
        )
    name = bundle.name
    if options.mode == "lora" and not section.options.get("lora"):
        adapted = folder / "adapted"
        if not adapted.exists():
            _save_with_adapters(registry, bundle, section, options, adapted)
        bundle = load_bundle(adapted, allow_other_versions=allow_other_versions)
    return Start(bundle=bundle, name=name, source=model, content_hash=content_hash)


def _save_encoders(
    registry: Registry, name: str, made: tuple[FusionModel, ModelConfig], folder: Path
) -> None:
    model, config = made
    beside = config.structure
    named = f"The encoder `{name}` alone"
    if beside is not None:
        named = f"The encoders `{name}` and `{beside.name}` side by side"
    save_bundle(
        folder,
        model=model,
        model_config=config,
        provenance={
            "name": name if beside is None else f"{name}+{beside.name}",
            "summary": f"{named}: a protein's vector is the mean of its "
            "residues' tokens, each of them and the mean brought to mean 0 and variance 1 over "
            "the channels.",
        },
        extras=BundleExtras(registry=registry, trained_on=_trained_on(model)),
    )


def _trained_on(model: FusionModel) -> TrainingSequences | None:
    """What an encoder learnt from before, if it knows."""
    file = None if model.sequence is None else model.sequence.trained_on
    return None if file is None else TrainingSequences.load(file)


def _save_with_adapters(
    registry: Registry,
    bundle: Bundle,
    section: EncoderSection,
    options: FineTuneOptions,
    folder: Path,
) -> None:
    plugin = registry.encoder(Modality.SEQUENCE, section.name)
    if "lora" not in plugin.config.model_fields:
        raise TrainingError(
            f"mode lora: the encoder {section.name!r} of {bundle.path} takes no adapters; choose "
            "mode full or frozen, or a model whose encoder has the option lora"
        )
    lora = {
        "rank": options.lora_rank,
        "alpha": options.lora_alpha,
        "dropout": options.lora_dropout,
    }
    changed: dict[str, Any] = {**section.options, "lora": lora}
    if "freeze" in changed:
        # Beside adapters everything is frozen, and saying so twice is refused.
        changed["freeze"] = "none"
    config = bundle.config.model_copy(
        update={"sequence": section.model_copy(update={"options": changed})}
    )
    save_bundle(
        folder,
        model=_adapted(registry, bundle, config, options.seed),
        model_config=config,
        provenance=bundle.provenance,
        ontology=bundle.ontology,
        extras=BundleExtras(registry=registry, trained_on=bundle.trained_on()),
    )


def _adapted(registry: Registry, bundle: Bundle, config: ModelConfig, seed: int) -> FusionModel:
    """The bundle's model with adapters that change nothing yet."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_at(seed, "adapters"))
        model = build_model(config, registry, bundle.ontology)
    weights = bundle.model.state_dict()
    encoder = model.sequence
    if encoder is None:
        raise TrainingError(f"{bundle.path}: lost its sequence encoder; report this")
    adapters = {f"sequence.{name}" for name in encoder.adapter_names}
    kept = {
        name: weights[name.replace(_BASE_LAYER, ".")]
        for name in model.state_dict()
        if name not in adapters
    }
    model.load_state_dict(kept, strict=False)
    return model
