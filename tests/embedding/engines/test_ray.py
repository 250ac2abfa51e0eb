"""On a Ray cluster: the same store, whoever dies; what cannot work is told at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.cli.main import main
from multiprot.embedding import Embedder, EmbeddingStore, RunSettings
from multiprot.embedding.engines.care import Care
from multiprot.embedding.engines.ray_cluster import connected, seats
from multiprot.embedding.engines.ray_data import RayData
from multiprot.embedding.engines.ray_office import MOST_ATTEMPTS, Assignment, Office
from multiprot.embedding.ledger.blueprint import Blueprint
from multiprot.embedding.write import EmbedSummary, embed_to_store, run_engine
from multiprot.errors import EmbeddingError
from multiprot.proteins import ProteinRecord, write_fasta
from tests.embedding.engines.ray_nodes import (
    Nodes,
    free_port,
    own_cluster,
    shards_finished,
    started,
)
from tests.embedding.fake_model import fake_embedder, vector_of
from tests.embedding.proteins import long_record

LENGTH = 50
PROTEINS = 60
VICTIM = "p37"


@given(
    st.lists(st.integers(0, 70), min_size=1, max_size=6).filter(any),
    st.integers(0, 40),
)
def test_workers_get_as_many_cores_as_let_all_find_a_place(cores: list[int], workers: int) -> None:
    nodes = [{"CPU": float(n), "memory": 1e9} if n else {"memory": 1e9} for n in cores]
    found = seats(nodes, gpus=False, workers=workers)

    def places(cpus: int) -> int:
        return sum(n // cpus for n in cores)

    assert found.workers == (workers or sum(n > 0 for n in cores))
    assert found.gpus == 0
    assert places(found.cpus) >= min(found.workers, sum(cores))
    assert places(found.cpus + 1) < found.workers


def test_workers_get_a_gpu_each() -> None:
    nodes = [{"CPU": 8.0}, {"CPU": 8.0, "GPU": 2.0}, {"CPU": 8.0, "GPU": 1.0}]
    assert seats(nodes, gpus=True, workers=0).workers == 3
    assert seats(nodes, gpus=True, workers=2).gpus == 1
    with pytest.raises(EmbeddingError, match="none of the 1 nodes of the Ray cluster has a GPU"):
        seats(nodes[:1], gpus=True, workers=1)


def attempts(office: Office, batches: Sequence[tuple[str, ...]]) -> list[Assignment]:
    """What workers are given that die over these batches of shard 0, one after another."""

    async def played() -> list[Assignment]:
        await office.hand_in(0, ["shard"])
        given = []
        for batch in batches:
            given.append(await office.begin(0, None))
            await office.note(0, batch)
        return [*given, await office.begin(0, None)]

    return asyncio.run(played())


def test_one_death_changes_no_batch_and_the_next_ones_close_in_on_the_protein() -> None:
    given = attempts(Office(), [("a", "b"), ("a", "b"), ("b",), ("b",)])
    assert [a.attempt for a in given] == [1, 2, 3, 4, 2]
    assert [a.exact for a in given] == [False, True, True, True, True]
    assert given[0].care == given[1].care == Care()
    assert given[2].care == Care(alone=frozenset({"a", "b"}))
    assert not given[3].care.given_up
    assert list(given[4].care.given_up) == ["b"]
    assert (
        "protein b: the worker that embedded it alone died or was ended"
        in given[4].care.given_up["b"]
    )


def test_a_shard_that_ends_workers_whatever_is_tried_is_hopeless() -> None:
    given = attempts(Office(), [()] * MOST_ATTEMPTS)
    assert [a.hopeless for a in given] == [False] * MOST_ATTEMPTS + [True]


def test_numbers_can_be_read_again_while_shards_come_and_go() -> None:
    async def played() -> list[bool]:
        office = Office()
        early = [asyncio.ensure_future(office.exists(number)) for number in range(3)]
        await office.hand_in(1, ["second"])
        await office.hand_in(0, ["first"])
        await office.finished(0)
        await asyncio.sleep(0)
        assert not early[2].done()
        await office.end()
        assert (await office.begin(0, None)).shard == []
        return [await known for known in early] + [await office.exists(n) for n in range(3)]

    assert asyncio.run(played()) == [True, True, False] * 2


def test_without_ray_the_command_says_how_to_get_it(
    tmp_path: Path,
    tiny_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    write_fasta([long_record(10)], tmp_path / "in.fasta")
    arguments = ["embed", tmp_path / "in.fasta", "--model", tiny_bundle, "--out", tmp_path / "out"]
    assert main([*map(str, arguments), "--engine", "ray"]) == 2
    assert "next: pip install 'multiprot[ray]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ray://head:10001", "cannot be driven through a Ray client"),
        ("127.0.0.1:{port}", "nothing answers there"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, address: str, message: str
) -> None:
    pytest.importorskip("ray", reason="ray is not installed: pip install multiprot[ray]")
    monkeypatch.setenv("RAY_ADDRESS", address.format(port=free_port()))
    with pytest.raises(EmbeddingError, match=message), connected():
        pass


@dataclass(frozen=True)
class FakeSpec:
    """Opens the fake model, and ends the process over `victim` as long as `lives` has files.

    Or it hangs, if `hangs`.
    """

    victim: str = ""
    lives: Path = Path()
    hangs: bool = False
    content_hash: str = "fake"
    device: str = "cpu"

    def on(self, device: str) -> FakeSpec:
        return replace(self, device=device)

    def open(self) -> Embedder:
        model = {"content_hash": self.content_hash}
        hook = partial(_dies, self)
        # Batches of four.
        return fake_embedder(hook, model=model, shard_residues=600, tokens_per_batch=202)


def _dies(spec: FakeSpec, records: Sequence[ProteinRecord]) -> None:
    if spec.victim in {record.id for record in records}:
        for life in spec.lives.iterdir():
            life.unlink()
            if spec.hangs:
                time.sleep(10_000)
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """Ray with a cluster of two cores on this machine, to which runs connect."""
    with own_cluster() as module:
        yield module


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    """Proteins of one length, and twins of earlier ones, in five shards."""
    records = [replace(long_record(LENGTH, seed=n), id=f"p{n}") for n in range(PROTEINS)]
    for n in (20, 21, 58):
        records[n] = replace(records[n - 15], id=f"p{n}")
    write_fasta(records, tmp_path / "in.fasta")
    return tmp_path / "in.fasta"


def embed(fasta: Path, spec: FakeSpec, out: Path, **settings: Any) -> EmbedSummary:
    blueprint = Blueprint.of(FakeSpec().open(), residues=True)
    engine = RayData(spec, workers=2, residues=True, patience=10)  # type: ignore[arg-type]
    return run_engine([str(fasta)], blueprint, engine, out, RunSettings(residues=True, **settings))


def lives(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / str(number)).touch()
    return folder


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def expected(fasta: Path, tmp_path: Path) -> dict[str, bytes]:
    """Files of the store that one process makes."""
    out = tmp_path / "expected"
    embed_to_store([str(fasta)], FakeSpec().open(), out, RunSettings(residues=True))
    assert len(list(out.glob("vectors-*.parquet"))) == 5
    return content(out)


@pytest.mark.long
@pytest.mark.parametrize(("deaths", "hangs"), [(0, False), (1, False), (1, True)])
def test_a_worker_that_dies_or_hangs_is_not_seen_in_the_store(
    ray: Any, fasta: Path, tmp_path: Path, expected: dict[str, bytes], deaths: int, hangs: bool
) -> None:
    spec = FakeSpec(VICTIM, lives(tmp_path / "lives", deaths), hangs)
    summary = embed(fasta, spec, tmp_path / "out")
    assert not list(spec.lives.iterdir())
    assert content(tmp_path / "out") == expected
    assert summary.computed == PROTEINS - 3
    assert ray.is_initialized()


@pytest.mark.long
def test_a_protein_that_ends_every_worker_is_refused_and_no_other(
    ray: Any, fasta: Path, tmp_path: Path
) -> None:
    spec = FakeSpec(VICTIM, lives(tmp_path / "lives", 99))
    embed(fasta, spec, tmp_path / "out")
    store = EmbeddingStore.open(tmp_path / "out")
    (failure,) = store.failures
    assert failure.id == VICTIM
    assert "the worker that embedded it alone died or was ended" in failure.reason
    assert 99 - len(list(spec.lives.iterdir())) == 4
    assert len(store) == PROTEINS - 1
    for protein in store:
        record = long_record(LENGTH, seed=int(protein.id[1:]))
        if protein.id not in ("p20", "p21", "p58"):
            assert protein.vector.tolist() == vector_of(record.sequence).tolist()


@pytest.mark.long
def test_another_model_on_a_node_is_refused_and_the_cluster_is_left_as_it_was(
    ray: Any, fasta: Path, tmp_path: Path
) -> None:
    with pytest.raises(EmbeddingError, match="opened another model than this run was planned for"):
        embed(fasta, FakeSpec(content_hash="other"), tmp_path / "out")
    deadline = time.monotonic() + 60
    while ray.available_resources().get("CPU") != 2:
        assert time.monotonic() < deadline, ray.available_resources()
        time.sleep(0.5)


@pytest.mark.long
def test_files_that_the_driver_does_not_see_are_told(
    ray: Any, fasta: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where workers write to a disk of their own, but find the driver's sign there."""
    monkeypatch.setattr("multiprot.embedding.engines.ray_data.Path.is_file", lambda path: False)
    with pytest.raises(EmbeddingError, match="must lie on storage that all of them share"):
        embed(fasta, FakeSpec(), tmp_path / "out")


@pytest.fixture
def proteins(tmp_path: Path) -> Path:
    """About thirty shards of 20,000 residues, with twins in other shards and refused inputs."""
    records = [replace(long_record(20 + n % 180, seed=n), id=f"p{n}") for n in range(5000)]
    for n in range(100, 5000, 50):
        records[n] = replace(records[n // 3], id=f"p{n}")
    write_fasta(records, tmp_path / "in.fasta")
    with (tmp_path / "in.fasta").open("a") as handle:
        handle.write(">p3\nACD\n>bad\nA1C\n")
    return tmp_path / "in.fasta"


def command(fasta: Path, model: Path, out: Path, *more: str) -> list[str]:
    program = [sys.executable, "-m", "multiprot.cli.main", "embed", str(fasta)]
    return [*program, "--model", str(model), "--out", str(out), "--shard-residues", "20000", *more]


@pytest.mark.long
def test_a_node_that_is_lost_midway_is_not_seen_in_the_store(
    proteins: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    local = command(proteins, tiny_bundle, tmp_path / "local", "--json")
    expected = started(local).finish()
    assert expected.code == 0
    with Nodes() as nodes:
        nodes.add(cpus=1)
        second = nodes.add(cpus=1)
        on_ray = command(proteins, tiny_bundle, tmp_path / "out", "--json", "--engine", "ray")
        run = started(on_ray, nodes.environment)
        while len(shards_finished(tmp_path / "out")) < 4:
            run.refuse_ended()
        second.lose()
        finished = len(shards_finished(tmp_path / "out"))
        told = run.finish()
    assert told.code == 0, told.errors
    assert finished < 20
    # On stdout the summary alone, and what is on stderr is multiprot's own.
    summary, wanted = told.json(), expected.json()
    for name in ("inputs", "proteins", "windowed", "duplicates", "refused", "modalities"):
        assert summary[name] == wanted[name]
    assert summary["duplicates"] == 98
    assert told.errors.replace("/out/", "/local/") == expected.errors
    assert content(tmp_path / "out") == content(tmp_path / "local")


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "to_all"), [(signal.SIGTERM, False), (signal.SIGINT, True)], ids=["kill", "terminal"]
)
def test_a_run_that_is_stopped_goes_on_without_ray(
    proteins: Path, tiny_bundle: Path, tmp_path: Path, number: signal.Signals, to_all: bool
) -> None:
    """A terminal's Ctrl-C reaches all processes of the group, the cluster's among them."""
    local = command(proteins, tiny_bundle, tmp_path / "local")
    assert started(local).finish().code == 0
    with Nodes() as nodes:
        on_ray = [*command(proteins, tiny_bundle, tmp_path / "out"), "--engine", "ray"]
        run = started([*on_ray, "--workers", "2"], nodes.environment)
        while len(shards_finished(tmp_path / "out")) < 3:
            run.refuse_ended()
        if to_all:
            run.signal_group(number)
        else:
            run.process.send_signal(number)
        told = run.finish()
    assert told.code == 128 + number
    kept = shards_finished(tmp_path / "out")
    assert 3 <= len(kept) < 20
    assert told.errors.startswith(f"stopped; {len(kept)} finished shards are kept in ")
    assert told.errors.count("\n") == 1
    resumed = started([*command(proteins, tiny_bundle, tmp_path / "out"), "--resume"]).finish()
    assert resumed.code == 0, resumed.errors
    assert content(tmp_path / "out") == content(tmp_path / "local")
