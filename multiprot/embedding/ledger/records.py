"""The completion record of a shard: written last, it is what says that the shard is finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from multiprot.bundle.manifest import FileEntry
from multiprot.errors import EmbeddingError


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRecord:
    """What a finished shard is, and of what it was made.

    Attributes
    ----------
    number
        From 0, in the order of the input.
    input_hash
        As `PlannedShard.input_hash`.
    run_hash
        Hash of model and settings (`RunHeader.hash`).
    first_input, inputs
        Position of its first input, and how many it has.
    proteins, residues
        Rows, and residues in them.
    statuses
        Inputs by what became of them, as in the ledger.
    modalities
        Rows by what their vectors were made of.
    files
        Name in the store to size and SHA-256.
    """

    number: int
    input_hash: str
    run_hash: str
    first_input: int
    inputs: int
    proteins: int
    residues: int
    statuses: Mapping[str, int]
    modalities: Mapping[str, int]
    files: Mapping[str, FileEntry] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any], source: str) -> ShardRecord:
        """The record that `to_json` wrote; `EmbeddingError` naming `source` if it is not one."""
        try:
            files = {name: FileEntry(**entry) for name, entry in content["files"].items()}
            return cls(**{**content, "files": files})
        except (KeyError, TypeError, AttributeError) as error:
            raise EmbeddingError(
                f"{source}: is no completion record of a shard ({error}); remove it, and the "
                "shard is made again"
            ) from None
