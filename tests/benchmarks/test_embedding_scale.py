"""The parts of the embedding benchmark that look at the engine alone."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.embedding_speed.exactly_once import embed_without_ledger, exactly_once
from benchmarks.embedding_speed.remote import Remote
from benchmarks.embedding_speed.report import exactly_once_lines, memory_lines, start_lines
from benchmarks.embedding_speed.sample import draw_sample
from benchmarks.embedding_speed.scale import Scale, memory, start
from benchmarks.embedding_speed.shapes import SHAPES, write_checkpoint
from benchmarks.embedding_speed.variants.ours import open_esm2
from multiprot.embedding import EmbeddingStore, embed_to_store


def test_without_the_ledger_the_same_rows_are_written(tmp_path: Path) -> None:
    """What is compared differs in the ledger alone."""
    checkpoint = write_checkpoint(SHAPES["tiny"], tmp_path / "tiny", 1)
    fasta = draw_sample(20, 2, None).write(tmp_path / "sample.fasta")
    embedder = open_esm2(checkpoint, "cpu", shard_residues=1500)
    embed_without_ledger(fasta, embedder, tmp_path / "plain")
    embed_to_store([str(fasta)], embedder, tmp_path / "store")
    store = EmbeddingStore.open(tmp_path / "store")
    plain = pa.concat_tables(pq.read_table(f) for f in sorted((tmp_path / "plain").iterdir()))
    assert plain["id"].to_pylist() == list(store.ids)
    assert np.array_equal(np.stack(plain["vector"].to_numpy()), store.vectors())
    files = {len(list((tmp_path / name).glob("*.parquet"))) for name in ("plain", "store")}
    assert len(files) == 1
    assert files.pop() > 2


def test_cost_of_exactly_once_has_an_interval() -> None:
    figures = exactly_once(draw_sample(12, 3, None), "tiny", "fp32", pairs=3, threads=1)
    ratios = [
        a["seconds"] / b["seconds"] - 1
        for a, b in zip(figures["with_ledger"], figures["without"], strict=True)
    ]
    cost = figures["cost_seconds"]
    assert cost["share"] == pytest.approx(sorted(ratios)[1])
    assert min(ratios) <= cost["low"] <= cost["share"] <= cost["high"] <= max(ratios)
    assert f"{cost['share']:+.2%} of wall time" in exactly_once_lines(figures, 0.02)


def test_peak_memory_is_the_workers_own(tmp_path: Path) -> None:
    """Not that of the process which started it, which ru_maxrss begins with."""
    ballast = np.ones(2**27)  # 1 GiB
    with Remote("HF fp32, padded, 8 in input order", sys.executable, tmp_path / "log", 1) as worker:
        checkpoint = write_checkpoint(SHAPES["tiny"], tmp_path / "tiny", 1)
        loaded = worker("load", checkpoint=str(checkpoint), device="cpu", threads=1)
    assert 50 < loaded["own_peak_mib"] < 900 < ballast.nbytes / 2**20


@pytest.mark.long
def test_memory_and_start_in_small() -> None:
    figures = memory(Scale(50, 300, 1), threads=1)
    few, many = figures["sequences"]["50"], figures["sequences"]["300"]
    assert many["peak_mib"] > many["after_loading_mib"] > 50
    assert figures["peak_ratio"] == pytest.approx(many["peak_mib"] / few["peak_mib"])
    assert "300 sequences" in memory_lines(figures, 1.3)
    figures = start(Scale(20, 1200, 1), threads=1)
    row = figures["files"]["1200"]
    assert 0 < row["first_protein_seconds"] < row["first_shard_seconds"]
    # Stopped after the first shards, not at the end.
    assert "stopped_seconds" in row["runs"][0]
    assert "1,200 files" in start_lines(figures)
