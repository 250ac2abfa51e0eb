"""Writing a shard's files, and reading rows of finished ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from multiprot.embedding.ledger.assembly import assemble
from multiprot.embedding.ledger.computed import Computed
from multiprot.embedding.ledger.plan import PlannedShard
from multiprot.embedding.ledger.records import ShardRecord
from multiprot.embedding.store_format import ledger_name, shard_name, write_parquet
from multiprot.errors import EmbeddingError


@dataclass(frozen=True, slots=True)
class Sealer:
    """Turns what was computed into a shard's files.

    Attributes
    ----------
    folder
        Where finished shards lie.
    work
        Where files are made before they count.
    run_hash
        Written into the records.
    """

    folder: Path
    work: Path
    run_hash: str

    def write(self, shard: PlannedShard, computed: Computed) -> ShardRecord:
        """The shard's files in `work`, down to the disk, and the record to commit them with.

        Raises
        ------
        EmbeddingError
            If they cannot be written, as on a full disk.
        """
        assembled = assemble(shard, computed, self._finished)
        names = {
            shard_name(shard.number): assembled.rows,
            ledger_name(shard.number): assembled.ledger,
        }
        try:
            files = {
                name: write_parquet(table, self.work / Path(name).name)
                for name, table in names.items()
            }
        except (OSError, pa.ArrowException) as error:
            raise EmbeddingError(
                f"{self.folder}: shard {shard.number} cannot be written ({error}); finished shards "
                "are kept: make room, then go on with --resume"
            ) from None
        return ShardRecord(
            number=shard.number,
            input_hash=shard.input_hash,
            run_hash=self.run_hash,
            first_input=shard.first_row,
            inputs=len(shard.rows),
            proteins=len(assembled.rows),
            residues=int(pc.sum(assembled.rows["length"]).as_py() or 0),
            statuses=_counts(assembled.ledger["status"].to_pylist()),
            modalities=_counts("+".join(m) for m in assembled.rows["modalities"].to_pylist()),
            files=files,
        )

    def part(self, shard: int) -> Path:
        """Where a worker leaves what it computed of a shard that needs rows of others."""
        return self.work / f"part-{shard:05d}.arrow"

    def _finished(self, number: int, ids: list[str]) -> Computed:
        """Rows of a finished shard, and reasons of those that were refused there."""
        chosen = [("id", "in", sorted(set(ids)))]
        rows = pq.read_table(self.folder / shard_name(number), filters=chosen)
        ledger = pq.read_table(
            self.folder / ledger_name(number),
            columns=["id", "reason"],
            filters=[*chosen, ("status", "=", "refused")],
        )
        refused: dict[str, str] = {}
        for protein_id, reason in zip(*(c.to_pylist() for c in ledger.columns), strict=True):
            # Later rows of this id were refused because of it.
            refused.setdefault(protein_id, reason)
        return Computed(rows, refused)


def _counts(values: Any) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
