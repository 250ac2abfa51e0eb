"""What exactly-once costs: the same run with the ledger and without.

Both ways read the same file ahead in a thread, compute the same shards with the same model in this
process, and write the same rows as Parquet in another thread. With the ledger a shard is also
hashed, compared with all before it, synced to the disk, checksummed and recorded, and all ids are
indexed in the end; without, nothing of that happens. Ways alternate; each pair gives one ratio.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.embedding_speed.sample import Sample
from benchmarks.embedding_speed.shapes import SHAPES, write_checkpoint
from benchmarks.embedding_speed.variants.ours import open_esm2

if TYPE_CHECKING:
    from multiprot.embedding import Embedder
    from multiprot.proteins import ProteinRecord

SEED: Final = 7
SHARD_RESIDUES: Final = 32_768
"""A 32nd of what shards hold by default: what each shard costs is seen 32 times as often."""

LARGEST_COST: Final = 0.02


def exactly_once(
    sample: Sample, shape: str, precision: str, pairs: int, threads: int
) -> dict[str, Any]:
    """Relative cost of the ledger in wall and in processor time, with 95 % intervals."""
    import torch

    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory(prefix="multiprot-embedding-") as place:
        scratch = Path(place)
        checkpoint = write_checkpoint(SHAPES[shape], scratch / "checkpoint", SEED)
        fasta = sample.write(scratch / "sample.fasta")
        embedder = open_esm2(checkpoint, "cpu", precision=precision, shard_residues=SHARD_RESIDUES)
        runs = _alternated(fasta, embedder, scratch, pairs)
    with_ledger, without = runs
    return {
        "shape": shape,
        "precision": precision,
        "sample": sample.to_json(),
        "shard_residues": SHARD_RESIDUES,
        "with_ledger": with_ledger,
        "without": without,
        **{
            f"cost_{kind}": _cost(
                [run[kind] for run in with_ledger], [run[kind] for run in without]
            )
            for kind in ("seconds", "processor_seconds")
        },
    }


def embed_without_ledger(fasta: Path, embedder: Embedder, out: Path) -> None:
    """The proteins of `fasta` as plain Parquet files, work overlapped as in the engine.

    Raises
    ------
    TypeError
        If a protein cannot be embedded.
    """
    import pyarrow.parquet as pq

    from multiprot.embedding import EmbeddedProtein, Embeddings
    from multiprot.embedding.ahead import read_ahead
    from multiprot.embedding.reading import InputReader
    from multiprot.embedding.store_format import store_schema, to_table

    out.mkdir()
    schema = store_schema(embedder.width, residues=False)
    chunks = _chunks(InputReader([str(fasta)]), embedder.options.shard_residues)
    with ThreadPoolExecutor(1) as writer, closing(read_ahead(chunks, 1)) as ahead:
        written = []
        for number, records in enumerate(ahead):
            proteins = []
            for made in embedder.outcomes(records, residues=False):
                if not isinstance(made, EmbeddedProtein):
                    raise TypeError(f"a protein of the sample has no vector: {made}")
                proteins.append(made)
            rows = Embeddings.from_proteins(proteins, width=embedder.width, residues=False)
            table = to_table(rows, schema)
            path = out / f"{number:05}.parquet"
            written.append(writer.submit(pq.write_table, table, path, compression="none"))
        for done in written:
            done.result()


def _chunks(reader: Any, residues: int) -> Iterator[list[ProteinRecord]]:
    chunk: list[ProteinRecord] = []
    size = 0
    for row in reader.rows():
        if chunk and size + len(row.record) > residues:
            yield chunk
            chunk, size = [], 0
        chunk.append(row.record)
        size += len(row.record)
    if chunk:
        yield chunk


def _alternated(
    fasta: Path, embedder: Embedder, scratch: Path, pairs: int
) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    from multiprot.embedding import embed_to_store

    ways: tuple[Callable[[Path], Any], ...] = (
        lambda out: embed_to_store([str(fasta)], embedder, out),
        lambda out: embed_without_ledger(fasta, embedder, out),
    )
    runs: tuple[list[dict[str, float]], list[dict[str, float]]] = ([], [])
    for pair in range(pairs + 1):
        # Which of the two goes first alternates too.
        for number in (0, 1) if pair % 2 else (1, 0):
            out = scratch / f"out{number}"
            began, spent = time.perf_counter(), time.process_time()
            ways[number](out)
            took = {
                "seconds": time.perf_counter() - began,
                "processor_seconds": time.process_time() - spent,
            }
            shutil.rmtree(out)
            if pair:  # the first pair warms up
                runs[number].append(took)
    return runs


def _cost(with_ledger: list[float], without: list[float]) -> dict[str, float]:
    """Median over pairs of the share that the ledger adds, and where 95 % of resampled ones lie."""
    ratios = np.array(with_ledger) / np.array(without) - 1
    picks = np.random.default_rng(SEED).integers(0, len(ratios), (2000, len(ratios)))
    low, high = np.quantile(np.median(ratios[picks], axis=1), [0.025, 0.975])
    return {"share": float(median(ratios)), "low": float(low), "high": float(high)}
