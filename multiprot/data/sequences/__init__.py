"""Sequences alone, as memory-mapped files of residues: what a language model is trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.data.sequences.build import build_sequences
    from multiprot.data.sequences.options import SequenceBuildOptions
    from multiprot.data.sequences.plan import PackedPlan, Piece
    from multiprot.data.sequences.shards import SequenceShards, SequenceSplit

__all__ = [
    "PackedPlan",
    "Piece",
    "SequenceBuildOptions",
    "SequenceShards",
    "SequenceSplit",
    "build_sequences",
]

_HOMES: Final = {
    "PackedPlan": "plan",
    "Piece": "plan",
    "SequenceBuildOptions": "options",
    "SequenceShards": "shards",
    "SequenceSplit": "shards",
    "build_sequences": "build",
}

# A verb's options must cost no import of pyarrow.
__getattr__ = lazy_names(__name__, _HOMES)
