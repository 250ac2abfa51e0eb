"""Memory that runs out: batches are halved, proteins windowed, and only then refused, by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiprot.embedding.budget import TokenBudget
from multiprot.embedding.memory import is_beyond_repair, is_out_of_memory
from multiprot.proteins import ProteinRecord
from tests.embedding.fake_model import Passes, fake_embedder, tokens_of, vector_of
from tests.embedding.ledger.runs import embedded, entries, fasta, ledger_of
from tests.embedding.proteins import long_record

SHORTAGES = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("std::bad_alloc"),
]


class Small(Passes):
    """A device that holds so many residues, padding included."""

    def __init__(self, room: int, error: Exception) -> None:
        super().__init__()
        self.room = room
        self.error = error
        self.failed = 0

    def __call__(self, records: Sequence[ProteinRecord]) -> None:
        if len(records) * max(map(len, records)) > self.room:
            self.failed += 1
            raise self.error
        super().__call__(records)


@pytest.mark.parametrize("error", SHORTAGES, ids=lambda error: str(error)[:30] or "MemoryError")
def test_every_sign_of_full_memory_halves_the_batch(error: Exception) -> None:
    device = Small(100, error)
    records = [ProteinRecord(id=n, sequence=s) for n, s in entries(40, longest=60)]
    embedder = fake_embedder(device, tokens_per_batch=10_000)
    found = embedder.embed(records)
    assert device.failed > 0
    assert embedder.runner.budget.tokens < 10_000
    assert max(map(len, device.batches)) > 1
    assert sorted(device.ids) == sorted(record.id for record in records)
    assert found.ids == tuple(record.id for record in records)
    for row, record in enumerate(records):
        np.testing.assert_array_equal(found.vectors[row], vector_of(record.sequence))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=30),
    room=st.integers(128, 2000),
    packs=st.booleans(),
)
def test_nothing_is_lost_or_doubled_however_little_there_is(
    lengths: list[int], room: int, packs: bool
) -> None:
    """Proteins beyond the room are windowed: vectors and residues are what they would have been."""
    device = Small(room, MemoryError())
    embedder = fake_embedder(device, model={"packs": packs}, tokens_per_batch=10**6)
    rng = np.random.default_rng(len(lengths))
    records = [
        ProteinRecord(id=f"p{i}", sequence="".join(rng.choice(list("ACDEFGH"), n)))
        for i, n in enumerate(lengths)
    ]
    found = embedder.embed_residues(records)
    assert found.residues is not None
    for row, record in enumerate(records):
        assert (found.windows[row] > 1) == (len(record) > room)
        np.testing.assert_allclose(found.vectors[row], vector_of(record.sequence), atol=2e-6)
        np.testing.assert_array_equal(found.residues[row], tokens_of(record.sequence))


def test_what_fits_in_no_window_is_refused_by_name_and_the_rest_is_written(tmp_path: Path) -> None:
    device = Small(40, MemoryError())
    path = fasta(tmp_path / "in.fasta", [("a", "ACD"), ("big", "A" * 200), ("b", "EFG")])
    embedded(path, tmp_path / "out", fake_embedder(device))
    rows = {row["id"]: row for row in ledger_of(tmp_path / "out")}
    assert [rows[n]["status"] for n in ("a", "big", "b")] == ["written", "refused", "written"]
    assert "protein big: " in rows["big"]["reason"]
    assert "do not fit into the memory of cpu" in rows["big"]["reason"]


def test_the_ledger_says_what_had_to_be_windowed(tmp_path: Path) -> None:
    device = Small(150, MemoryError())
    path = fasta(tmp_path / "in.fasta", [("a", "ACD"), ("big", "ACDEFGHIKL" * 50)])
    embedded(path, tmp_path / "out", fake_embedder(device))
    rows = {row["id"]: row for row in ledger_of(tmp_path / "out")}
    assert rows["big"]["status"] == "windowed"
    # 500 halved twice leaves 125.
    assert rows["big"]["windows"] > 4


def test_where_windows_are_not_wanted_it_is_refused(tmp_path: Path) -> None:
    device = Small(150, MemoryError())
    path = fasta(tmp_path / "in.fasta", [("a", "ACD"), ("big", "A" * 200)])
    embedded(path, tmp_path / "out", fake_embedder(device, long_proteins="refuse"))
    rows = {row["id"]: row for row in ledger_of(tmp_path / "out")}
    assert rows["big"]["status"] == "refused"


def test_the_budget_learns_so_that_later_batches_fit() -> None:
    device = Small(500, MemoryError())
    embedder = fake_embedder(device, tokens_per_batch=16_000)
    records = [long_record(50, seed=i) for i in range(64)]
    named = [ProteinRecord(id=f"p{i}", sequence=r.sequence) for i, r in enumerate(records)]
    embedder.embed(named)
    taught, device.failed = device.failed, 0
    embedder.embed(named)
    assert taught > 0
    assert device.failed == 0
    assert embedder.runner.budget.tokens <= 16 * TokenBudget(1, 4096, packed=False).cost(50)


def test_other_errors_are_not_taken_for_full_memory() -> None:
    for error in (ValueError("out of memory"), RuntimeError("shapes differ"), KeyError("memory")):
        assert not is_out_of_memory(error)
    assert is_out_of_memory(RuntimeError("could not create a primitive"))
    assert is_beyond_repair(RuntimeError("CUDA error: an illegal memory access was encountered"))
    assert not is_beyond_repair(RuntimeError("shapes differ"))


def test_a_device_that_is_gone_stops_the_run(tmp_path: Path) -> None:
    def gone(records: Sequence[ProteinRecord]) -> None:
        if any(record.id == "p5" for record in records):
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    path = fasta(tmp_path / "in.fasta", entries(9))
    with pytest.raises(RuntimeError, match="illegal memory access"):
        embedded(path, tmp_path / "out", fake_embedder(gone, shard_proteins=3))
    assert (tmp_path / "out.unfinished" / "_shards" / "00000.json").exists()
