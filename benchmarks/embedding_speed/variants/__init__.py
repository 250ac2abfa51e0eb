"""Who embeds: the engine and its rivals, each behind the same few methods.

A rival may need libraries of its own; nothing here imports any of them before it is asked to load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from benchmarks.embedding_speed.variants.base import Variant

PADDED: Final = "HF fp32, padded, 8 in input order"
"""What all others are compared with, in speed and in vectors."""


@dataclass(frozen=True, slots=True)
class Entry:
    """How to make a variant.

    Attributes
    ----------
    home
        Module and class.
    precision
        "fp32" or "bf16".
    family
        "hf", "rival" or "multiprot".
    python
        Which interpreter it needs: its own one where such an option is given, else this one.
    arguments
        Of the class, beside the precision.
    compared
        Whether it takes part unasked; else it has to be named in full.
    """

    home: str
    precision: str
    family: str
    python: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    compared: bool = True

    def make(self) -> Variant:
        """The variant, not loaded yet."""
        module, name = self.home.split(":")
        made = getattr(import_module(f"{__name__}.{module}"), name)
        variant: Variant = made(precision=self.precision, **self.arguments)
        return variant


VARIANTS: Final = {
    PADDED: Entry("huggingface:HuggingFace", "fp32", "hf", arguments={"batch": 8}),
    "HF fp32, sorted, token budget": Entry("huggingface:HuggingFace", "fp32", "hf"),
    "HF bf16, sorted, token budget": Entry("huggingface:HuggingFace", "bf16", "hf"),
    "fair-esm's extract loop": Entry("fair_esm:FairEsm", "fp32", "rival"),
    "faesm fp32, sorted, token budget": Entry("faesm:Faesm", "fp32", "rival", "faesm"),
    "faesm bf16, sorted, token budget": Entry("faesm:Faesm", "bf16", "rival", "faesm"),
    "biotrainer": Entry("biotrainer:Biotrainer", "fp32", "rival", "biotrainer"),
    "multiprot fp32": Entry("ours:Multiprot", "fp32", "multiprot"),
    "multiprot bf16": Entry("ours:Multiprot", "bf16", "multiprot"),
    "multiprot bf16, compiled": Entry(
        "ours:Multiprot", "bf16", "multiprot", arguments={"compile": True}, compared=False
    ),
    "multiprot fp32, small shards": Entry(
        "ours:Multiprot", "fp32", "multiprot", arguments={"shard_proteins": 500}, compared=False
    ),
}
