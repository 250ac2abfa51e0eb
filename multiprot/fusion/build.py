"""From a model's settings to the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiprot.encoders.contract import ReadsSequenceTokens, ResidueEncoder
from multiprot.encoders.options import chosen_encoder
from multiprot.encoders.plugin import Modality
from multiprot.encoders.registry import Registry
from multiprot.encoders.section import EncoderSection
from multiprot.errors import ConfigError
from multiprot.fusion.config import ModelConfig
from multiprot.fusion.model import FusionModel

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology


def build_model(
    config: ModelConfig, registry: Registry, ontology: GeneOntology | None = None
) -> FusionModel:
    """The model that `config` describes, freshly initialised.

    Parameters
    ----------
    config
        Encoders and fusion.
    registry
        Where the encoders are looked up.
    ontology
        What the GO encoder is bound to; needed if `config.go` is set.

    Raises
    ------
    ConfigError
        If an option is wrong, `config.go` is set and there is no ontology, or a structure encoder
        wants to read sequence tokens and there is no sequence encoder.
    PluginError
        If a plugin is missing or broken.
    """
    if config.go is not None and ontology is None:
        raise ConfigError(
            f"go: encoder {config.go.name!r}, but there is no ontology to bind it to; "
            "give a corpus with an ontology, or set go to null"
        )
    sequence = _build(registry, Modality.SEQUENCE, config.sequence)
    structure = _build(registry, Modality.STRUCTURE, config.structure)
    _bind_sequence(config, sequence, structure)
    go = _build(registry, Modality.GO, config.go)
    if go is not None:
        go.bind(ontology)
    return FusionModel(config.fusion, sequence, structure, go)


def _build(registry: Registry, modality: Modality, section: EncoderSection | None) -> Any:
    if section is None:
        return None
    plugin, options = chosen_encoder(registry, modality, section)
    return plugin.build(options)


def _bind_sequence(
    config: ModelConfig,
    sequence: ResidueEncoder[Any] | None,
    structure: ResidueEncoder[Any] | None,
) -> None:
    if not isinstance(structure, ReadsSequenceTokens):
        return
    if sequence is None:
        name = None if config.structure is None else config.structure.name
        raise ConfigError(
            f"structure: encoder {name!r}, as its options say, reads the tokens of a sequence "
            "encoder, but sequence is null; choose one, or change the options of the structure "
            "encoder"
        )
    structure.bind_sequence(sequence.token_dim)
