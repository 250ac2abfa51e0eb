"""What a plugin declares. No torch here: listing plugins must cost milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from multiprot.config import Section

if TYPE_CHECKING:
    from multiprot.encoders.contract import (
        GoEncoder,
        Objective,
        ObjectiveContext,
        ResidueEncoder,
    )

API_VERSION: Final = 1
"""Version of the plugin contract; a plugin made for another one is refused, naming both."""

ConfigT = TypeVar("ConfigT", bound=Section)

Precision = Literal["fp32", "bf16", "fp16"]
Requirement = Literal["sequence", "backbone", "plddt"]


class Modality(StrEnum):
    """What an encoder looks at."""

    SEQUENCE = "sequence"
    STRUCTURE = "structure"
    GO = "go"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an encoder can do, given its options. Every flag is tested by the conformance kit.

    Attributes
    ----------
    trainable
        Gradients reach its parameters.
    max_residues
        Longest protein it takes, or None for no limit.
    requires
        What a record must have.
    precisions
        Parameter precisions it works in.
    packs
        Accepts `Layout.PACKED`.
    rotation_invariant
        Tokens stay when the protein is rotated or moved.
    sees_chirality
        Tokens change when the protein is mirrored.
    downloads_weights
        Building it needs the network.
    weights_license
        SPDX id of the pretrained weights, or None. One without an option `checkpoint` says by it
        that its weights come with it.
    adapters
        It learns through adapters beside a frozen base (`ResidueEncoder.adapter_names`).
    """

    trainable: bool
    max_residues: int | None
    requires: frozenset[Requirement]
    precisions: frozenset[Precision] = frozenset({"fp32"})
    packs: bool = False
    rotation_invariant: bool = False
    sees_chirality: bool = False
    downloads_weights: bool = False
    weights_license: str | None = None
    adapters: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderPlugin(Generic[ConfigT]):
    """An encoder as its entry point declares it, in a module that imports no torch.

    Attributes
    ----------
    name
        Unique in its group; also the entry point's name.
    modality
        Which of the three groups it belongs to.
    summary
        One line for `multiprot plugins list`.
    config
        Its options.
    capabilities
        What it can do with given options.
    build
        Makes the encoder; imports torch inside, not before.
    tiny_options
        Options of an encoder that is built and run in a blink, without files or network: what
        `multiprot plugins check` tries it with.
    api_version
        Contract version it was written for.
    """

    name: str
    modality: Modality
    summary: str
    config: type[ConfigT]
    capabilities: Callable[[ConfigT], Capabilities]
    build: Callable[[ConfigT], ResidueEncoder[Any] | GoEncoder]
    tiny_options: Mapping[str, Any] = field(default_factory=dict)
    api_version: int = API_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectivePlugin(Generic[ConfigT]):
    """An objective as its entry point declares it, in a module that imports no torch.

    Attributes
    ----------
    name
        Unique in its group; also the entry point's name.
    summary
        One line for `multiprot plugins list`.
    config
        Its options.
    build
        Makes the objective; imports torch inside, not before.
    tiny_options
        Options that `multiprot plugins check` tries it with.
    api_version
        Contract version it was written for.
    """

    name: str
    summary: str
    config: type[ConfigT]
    build: Callable[[ConfigT, ObjectiveContext], Objective]
    tiny_options: Mapping[str, Any] = field(default_factory=dict)
    api_version: int = API_VERSION
