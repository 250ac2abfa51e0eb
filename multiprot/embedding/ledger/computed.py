"""What a model made of a shard's records, as an Arrow table and refusals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from multiprot.embedding.embedder import Embedder
from multiprot.embedding.embeddings import EmbeddedProtein, Embeddings
from multiprot.embedding.ledger.plan import PlannedShard
from multiprot.embedding.store_format import store_schema, to_table

_REFUSED: Final = b"multiprot.refused"


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """Vectors of one shard's own proteins.

    Attributes
    ----------
    table
        Rows of the store's schema, in the order of the shard's records.
    refused
        Reasons by id, of the records without a row.
    """

    table: Any
    refused: Mapping[str, str]

    def write(self, path: Path) -> None:
        """Write it as an Arrow file, which is read back without a copy."""
        packed = json.dumps(dict(self.refused)).encode()
        table = self.table.replace_schema_metadata({_REFUSED: packed})
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)

    @classmethod
    def read(cls, path: Path) -> Computed:
        """What `write` wrote."""
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
        return cls(table.replace_schema_metadata(), json.loads(table.schema.metadata[_REFUSED]))


def compute_shard(
    embedder: Embedder,
    shard: PlannedShard,
    *,
    residues: bool,
    alone: frozenset[str] = frozenset(),
    given_up: Mapping[str, str] | None = None,
) -> Computed:
    """Run the model over a shard's records.

    Parameters
    ----------
    embedder
        The model.
    shard
        Whose records.
    residues
        Whether rows have residue matrices.
    alone
        Ids of records that are to have batches of their own.
    given_up
        Reasons, by id, not to try a record at all.
    """
    refused = dict(given_up or {})
    records = [record for record in shard.records if record.id not in refused]
    apart = frozenset(row for row, record in enumerate(records) if record.id in alone)
    outcomes = embedder.outcomes(records, residues=residues, alone=apart)
    proteins = []
    for record, outcome in zip(records, outcomes, strict=True):
        if isinstance(outcome, EmbeddedProtein):
            proteins.append(outcome)
        else:
            refused[record.id] = str(outcome)
    rows = Embeddings.from_proteins(proteins, width=embedder.width, residues=residues)
    return Computed(to_table(rows, store_schema(embedder.width, residues=residues)), refused)
