"""All that planning a run needs to know of a model, so that the model may be elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from multiprot.embedding.embedder import Embedder
from multiprot.embedding.identity import record_digest
from multiprot.embedding.ledger.header import RunHeader
from multiprot.embedding.ledger.plan import ShardLimits
from multiprot.proteins import ProteinRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What a run will make.

    Attributes
    ----------
    header
        Model and settings.
    limits
        How large shards become.
    with_structure
        Whether the model looks at structures.
    residues
        Whether rows have residue matrices.
    """

    header: RunHeader
    limits: ShardLimits
    with_structure: bool
    residues: bool

    @classmethod
    def of(cls, embedder: Embedder, *, residues: bool, device: str | None = None) -> Blueprint:
        """The blueprint of what `embedder` makes.

        Parameters
        ----------
        embedder
            The model.
        residues
            Whether rows shall have residue matrices.
        device
            Kind of device that will compute, if not the embedder's own: "cuda".
        """
        proteins = embedder.options.shard_proteins
        return cls(
            header=RunHeader.of(embedder, residues=residues, device=device),
            limits=ShardLimits(embedder.shard_limit(residues=residues), proteins),
            with_structure="structure" in embedder.modalities,
            residues=residues,
        )

    @property
    def model(self) -> dict[str, Any]:
        """Which model it is, as in the manifest."""
        return dict(self.header.content["model"])

    def digest(self, record: ProteinRecord) -> bytes:
        """24 bytes, equal for records that the model cannot tell apart."""
        return record_digest(record, with_structure=self.with_structure)
