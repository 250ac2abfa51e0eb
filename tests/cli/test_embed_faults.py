"""`multiprot embed` that is interrupted, killed, or given odd input."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from multiprot.cli.main import main
from multiprot.embedding import EmbeddingStore
from multiprot.embedding.engines.spec import EmbedderSpec
from tests.cli.embed_process import SLOW, finished_shards, start, wait_for
from tests.embedding.fake_model import fake_embedder
from tests.embedding.ledger.runs import content_of, entries, fasta

MODEL = ("--model", "fake", "--shard-proteins", "4")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process the fake model takes no time."""
    monkeypatch.setattr(
        EmbedderSpec, "open", lambda spec: fake_embedder(**spec.options.model_dump())
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return fasta(tmp_path / "in.fasta", entries(40, seed=21))


@pytest.fixture
def whole(quick: None, path: Path, tmp_path: Path) -> dict[str, bytes]:
    """The files of an undisturbed run."""
    assert main(["embed", str(path), "--out", str(tmp_path / "whole"), *MODEL]) == 0
    return content_of(tmp_path / "whole")


def resumed(path: Path, out: Path) -> dict[str, bytes]:
    assert main(["embed", str(path), "--out", str(out), "--resume", *MODEL]) == 0
    assert not out.with_name("out.unfinished").exists()
    assert not out.with_name("out.lock").exists()
    return content_of(out)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
def test_a_signal_lets_the_running_shard_finish(
    path: Path, tmp_path: Path, whole: dict[str, bytes], number: signal.Signals, code: int
) -> None:
    out = tmp_path / "out"
    with start(path, "--out", out, *MODEL, program=SLOW) as process:
        wait_for(lambda: finished_shards(out) >= 2, [process])
        before = finished_shards(out)
        process.send_signal(number)
        told, error = process.communicate(timeout=60)
    after = finished_shards(out)
    assert (process.returncode, told) == (code, b"")
    assert before < after < 10
    assert f"stopped; {after} finished shards are kept in {out}.unfinished" in error.decode()
    assert "--resume" in error.decode()
    assert error.count(b"\n") == 1
    assert not out.with_name("out.unfinished").joinpath("_work").exists()
    assert resumed(path, out) == whole


def test_a_second_ctrl_c_does_not_wait_for_the_shard(tmp_path: Path, quick: None) -> None:
    path, out = fasta(tmp_path / "in.fasta", [*entries(9), ("sleeper", "ACD")]), tmp_path / "out"
    with start(path, "--out", out, *MODEL, program=SLOW) as process:
        wait_for(lambda: finished_shards(out) == 2, [process])
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=20)
    assert (process.returncode, error) == (130, b"interrupted\n")
    assert finished_shards(out) == 2
    resumed(path, out)


def test_a_killed_run_is_resumed_to_the_same_store(
    path: Path, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    with start(path, "--out", out, *MODEL, program=SLOW) as process:
        wait_for(lambda: finished_shards(out) >= 3, [process])
        process.kill()
    assert process.returncode == -signal.SIGKILL
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "out.unfinished").glob("*.parquet")}
    assert len(kept) >= 3
    assert not out.exists()
    assert resumed(path, out) == whole
    same = [p for p, when in kept.items() if (out / p.name).stat().st_mtime_ns == when]
    # At most the one that was not recorded yet is made again.
    assert len(same) >= len(kept) - 1


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Popen[bytes]]:
    """A run to which standard input gives nothing."""
    out = tmp_path / "out"
    with start("-", "--out", out, *MODEL, program=SLOW, stdin=PIPE) as process:
        wait_for(lambda: (tmp_path / "out.unfinished" / "_work").exists(), [process])
        time.sleep(0.5)
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.long)],
    ids=["SIGINT", "SIGTERM"],
)
def test_a_run_that_waits_for_standard_input_can_be_stopped(
    waiting: Popen[bytes], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    waiting.send_signal(number)
    out, error = waiting.communicate(timeout=20)
    assert (waiting.returncode, out) == (code, b"")
    assert error == b"stopped before a shard was finished; nothing is kept\n"
    assert [p.name for p in tmp_path.iterdir()] == []


def test_input_that_changed_in_between_is_named(
    path: Path, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    with start(path, "--out", out, *MODEL, program=SLOW) as process:
        wait_for(lambda: finished_shards(out) >= 2, [process])
        process.kill()
    path.write_text(path.read_text().replace(">p5\n", ">p5\nW"))
    assert main(["embed", str(path), "--out", str(out), "--resume", *MODEL]) == 2
    error = capsys.readouterr().err
    assert "shard 1 was made of other input" in error
    assert "p4 in " in error
    assert str(path) in error
    assert out.with_name("out.unfinished").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--engine", "cloud"), "engine"),
        (("--workers", "-1"), "workers"),
        (("--worker-timeout", "0"), "worker"),
        (("--readers", "-1"), "readers"),
        (("--shard-proteins", "0"), "shard"),
        (("--set", "layers=1"), "layers=1"),
    ],
)
def test_wrong_options_are_one_line(
    path: Path,
    tmp_path: Path,
    tiny_bundle: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, str],
    told: str,
) -> None:
    given = ["embed", str(path), "--out", str(tmp_path / "out"), "--model", str(tiny_bundle)]
    assert main([*given, *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert told in captured.err
    assert [p.name for p in tmp_path.iterdir()] == ["in.fasta"]


@pytest.mark.usefixtures("quick")
def test_odd_input_is_embedded_or_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = [("one", "A"), ("unknown", "ACDXXBZUO"), ("lower", "acd"), ("gap", "AC-D"), ("a b", "W")]
    path = fasta(tmp_path / "in.fasta", [*odd, ("stop", "ACD*")])
    assert main(["embed", str(path), "--out", str(tmp_path / "out"), *MODEL]) == 0
    store = EmbeddingStore.open(tmp_path / "out")
    rows = {row["id"]: row for table in store.ledger() for row in table.to_pylist()}
    assert len(rows) == len(odd) + 1
    for name in ("one", "unknown"):
        assert rows[name]["status"] == "written"
    for row in rows.values():
        assert (row["status"] == "refused") == (row["reason"] is not None)
        assert (row["id"] in store) == (row["status"] != "refused")
