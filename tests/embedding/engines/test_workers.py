"""Worker processes: the same store, whatever becomes of them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
import torch

from multiprot.embedding import EmbeddingStore, EmbedSummary, RunSettings
from multiprot.embedding.engines.choice import embed_inputs
from multiprot.embedding.engines.options import EngineOptions
from multiprot.embedding.engines.spec import EmbedderSpec
from multiprot.embedding.engines.worker import Ready
from multiprot.embedding.engines.workers import WorkerProcesses
from multiprot.embedding.ledger.blueprint import Blueprint
from multiprot.embedding.ledger.sealing import Sealer
from multiprot.embedding.options import EmbedOptions
from multiprot.embedding.progress import Progress
from multiprot.embedding.write import run_engine
from multiprot.errors import ConfigError, EmbeddingError
from tests.embedding.engines.fake_spec import EXITS, FAILS, HANGS, KILLS, KILLS_ONCE, FakeSpec
from tests.embedding.ledger.runs import content_of, embedded, entries, fasta, ledger_of

SHARDS = {"shard_proteins": 6, "window_overlap": 10}


def proteins(*odd: tuple[str, str]) -> list[tuple[str, str]]:
    """Five shards, some of whose proteins repeat others, with odd ones in the second."""
    plain = entries(24, seed=11)
    plain[20] = ("twin", plain[2][1])
    plain[15] = ("long", "ACDFGILMNP" * 15)
    return [*plain[:8], *odd, *plain[8:], ("last", plain[15][1])]


def run_workers(
    path: Path,
    out: Path,
    spec: Any,
    *,
    workers: int = 1,
    patience: float = 300.0,
    progress: Progress | None = None,
) -> EmbedSummary:
    blueprint = Blueprint.of(spec.open(), residues=False)
    engine = WorkerProcesses(spec, ["cpu"] * workers, residues=False, patience=patience)
    return run_engine([str(path)], blueprint, engine, out, RunSettings(), progress)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As many as each worker has on two cores: sums are added in the same order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def workers_alive() -> list[int]:
    """Process ids of the workers that there are."""
    return [
        child.pid
        for child in active_children()
        if child.name.startswith("multiprot-worker") and child.pid is not None
    ]


@pytest.mark.usefixtures("one_thread")
def test_the_store_is_that_of_one_process(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    path = fasta(tmp_path / "in.fasta", [*proteins(), ("bad", "AC1")])
    options = EmbedOptions(shard_proteins=6)
    spec = EmbedderSpec(model=str(tiny_bundle), options=options)
    settings = RunSettings(residues=True)
    alone = embed_inputs([str(path)], spec, tmp_path / "one", settings, EngineOptions())
    many = embed_inputs([str(path)], spec, tmp_path / "two", settings, EngineOptions(workers=2))
    assert content_of(tmp_path / "two") == content_of(tmp_path / "one")
    assert many.computed == alone.computed
    assert many.residues == alone.residues
    assert workers_alive() == []


def test_a_protein_that_ends_its_worker_is_refused_by_name(tmp_path: Path) -> None:
    path = fasta(tmp_path / "in.fasta", proteins(("killer", f"A{KILLS}")))
    spec = FakeSpec(tmp_path, options=SHARDS)
    summary = run_workers(path, tmp_path / "out", spec)
    assert (summary.manifest["refused"], summary.manifest["proteins"]) == (1, 25)
    (failure,) = EmbeddingStore.open(tmp_path / "out").failures
    told = "protein killer: the worker that embedded it alone died of SIGKILL, twice; leave it out"
    assert failure.reason.startswith(told)
    assert workers_alive() == []


@pytest.mark.long
def test_all_that_may_befall_a_worker_costs_no_other_protein(tmp_path: Path) -> None:
    odd = [("killer", f"A{KILLS}"), ("quitter", f"AC{EXITS}"), ("failing", FAILS)]
    path = fasta(tmp_path / "in.fasta", proteins(*odd, ("unlucky", KILLS_ONCE)))
    spec = FakeSpec(tmp_path, options=SHARDS)
    summary = run_workers(path, tmp_path / "out", spec, workers=2)
    assert (tmp_path / "killed-once").exists()
    assert summary.manifest["refused"] == 3
    rows = {row["id"]: row for row in ledger_of(tmp_path / "out")}
    told = "the worker that embedded it alone"
    assert f"protein killer: {told} died of SIGKILL" in rows["killer"]["reason"]
    assert f"protein quitter: {told} ended with exit code 7" in rows["quitter"]["reason"]
    assert "protein failing: " in rows["failing"]["reason"]
    assert rows["unlucky"]["status"] == "written"
    # All others are as if nothing had happened.
    embedded(path, tmp_path / "one", spec.open())
    for row in ledger_of(tmp_path / "one"):
        reasons = {"reason": rows[row["id"]]["reason"]}
        assert {**row, **reasons} == rows[row["id"]]
    for name in ("vectors-00000.parquet", "vectors-00001.parquet", "_ids.npy", "_rows.npy"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
    assert workers_alive() == []


@pytest.mark.parametrize(
    ("opening", "error", "told"),
    [
        ("refuse", ConfigError, "the weights are on another machine"),
        pytest.param("other", EmbeddingError, "opened another model than", marks=pytest.mark.long),
        pytest.param(
            "break", EmbeddingError, "5 workers ended .*exit code 1.*", marks=pytest.mark.long
        ),
        pytest.param(
            "die", EmbeddingError, "5 workers ended .*died of SIGKILL", marks=pytest.mark.long
        ),
    ],
    ids=["refuse", "other", "break", "die"],
)
def test_a_model_that_workers_cannot_open(
    tmp_path: Path, opening: str, error: type[Exception], told: str
) -> None:
    path = fasta(tmp_path / "in.fasta", proteins())
    with pytest.raises(error, match=told):
        run_workers(path, tmp_path / "out", FakeSpec(tmp_path, opening, options=SHARDS))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.fasta"]
    assert workers_alive() == []


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks here")
def test_workers_are_born_deaf_to_ctrl_c(tmp_path: Path) -> None:
    """Ctrl-C in a terminal reaches all processes, at whatever they are."""
    spec = FakeSpec(tmp_path, options=SHARDS)
    engine = WorkerProcesses(spec, ["cpu"], residues=False)
    worker = engine.start("cpu", Sealer(tmp_path, tmp_path, ""))
    for _ in range(20):
        os.kill(worker.process.pid, signal.SIGINT)
        os.kill(worker.process.pid, signal.SIGTERM)
        time.sleep(0.02)
    assert worker.connection.poll(60)
    assert isinstance(worker.connection.recv(), Ready)
    os.kill(worker.process.pid, signal.SIGINT)
    assert worker.process.is_alive()
    worker.end()


class KillsWorkers(Progress):
    """Kills a worker at each of its first batches, from outside.

    Twice: with a third kill it may be the same protein that is alone at two of them.
    """

    left = 2

    def batch(self, proteins: int, residues: int) -> None:
        workers = workers_alive()
        if self.left and workers:
            self.left -= 1
            os.kill(workers[self.left % len(workers)], signal.SIGKILL)
        super().batch(proteins, residues)


@pytest.mark.long
def test_workers_that_are_killed_from_outside_cost_nothing(tmp_path: Path) -> None:
    path = fasta(tmp_path / "in.fasta", proteins())
    spec = FakeSpec(tmp_path, options={**SHARDS, "tokens_per_batch": 20})
    progress = KillsWorkers()
    run_workers(path, tmp_path / "out", spec, workers=2, progress=progress)
    assert progress.left == 0
    embedded(path, tmp_path / "one", spec.open())
    assert content_of(tmp_path / "out") == content_of(tmp_path / "one")


@pytest.mark.long
def test_a_worker_that_hangs_is_ended_and_its_protein_refused(tmp_path: Path) -> None:
    path = fasta(tmp_path / "in.fasta", proteins(("sleeper", HANGS)))
    spec = FakeSpec(tmp_path, options=SHARDS)
    run_workers(path, tmp_path / "out", spec, workers=2, patience=30.0)
    rows = {row["id"]: row for row in ledger_of(tmp_path / "out")}
    assert "said nothing for 3" in rows["sleeper"]["reason"]
    assert len(EmbeddingStore.open(tmp_path / "out")) == len(rows) - 1
    assert workers_alive() == []
