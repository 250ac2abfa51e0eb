"""A comparison that is disturbed: full disks, other processes, signals."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from multiprot.cli.main import main
from multiprot.evaluation.comparison import folder, run
from tests.evaluation.comparison.planted import planted_rows, planted_vectors, store
from tests.evaluation.tasks.folders import write_task

QUICK = ("--resamples", "10")
CODE = "import sys; from multiprot.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models and three tasks."""
    place = tmp_path_factory.mktemp("survival")
    store(place / "right", planted_vectors())
    store(place / "wrong", planted_vectors(seed=1))
    for kind, metric in (("regression", "spearman"), ("binary", "auroc"), ("multiclass", "mcc")):
        write_task(place / "tasks" / kind, planted_rows(kind), kind, metric)
    return place


def command(place: Path, out: Path, *more: str) -> list[str]:
    models = [str(place / "right"), str(place / "wrong")]
    return ["evaluate", *models, "--tasks", str(place / "tasks"), "--out", str(out), *QUICK, *more]


@pytest.fixture(scope="module")
def undisturbed(place: Path) -> dict[str, bytes]:
    assert main(command(place, place / "undisturbed")) == 0
    return contents(place / "undisturbed")


def contents(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in ("results.json", "scores.csv")}


def left_over(out: Path) -> list[str]:
    """Hidden files and folders that a finished run has no use for."""
    return [path.name for path in out.rglob(".*") if path.name != ".lock"]


def started(place: Path, out: Path, *more: str, **given: Any) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", CODE, *command(place, out, *more)]
    return subprocess.Popen(
        words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, **given
    )


def test_a_second_process_is_turned_away_and_disturbs_nothing(
    place: Path,
    tmp_path: Path,
    undisturbed: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It comes while the first one is at its third cell."""
    made, codes = run.make_cell, []

    def make_cell(*given: Any) -> Any:
        if len(list((tmp_path / "out" / "cells").glob("*"))) == 2 and not codes:
            codes.append(-1)
            codes[0] = main(command(place, tmp_path / "out", "--resume"))
        return made(*given)

    monkeypatch.setattr(run, "make_cell", make_cell)
    assert main(command(place, tmp_path / "out")) == 0
    assert codes == [2]
    assert "another process is at work there (it holds .lock)" in capsys.readouterr().err
    assert contents(tmp_path / "out") == undisturbed


@pytest.mark.long
def test_two_processes_at_once_end_with_one_result(
    place: Path, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    both = [started(place, tmp_path / "out") for _ in range(2)]
    told = [process.communicate()[1] for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes == [0, 2]
    refused = next(text for text, p in zip(told, both, strict=True) if p.returncode == 2)
    assert "another process is at work there" in refused or "is there already" in refused
    assert contents(tmp_path / "out") == undisturbed
    assert left_over(tmp_path / "out") == []


@pytest.mark.parametrize("cells", [0, 1, 4])
def test_control_c_keeps_what_is_finished(
    place: Path,
    tmp_path: Path,
    undisturbed: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    cells: int,
) -> None:
    made, done = run.make_cell, []

    def make_cell(*given: Any) -> Any:
        if len(done) == cells:
            os.kill(os.getpid(), signal.SIGINT)
        done.append(made(*given))
        return done[-1]

    monkeypatch.setattr(run, "make_cell", make_cell)
    assert main(command(place, tmp_path / "out")) == 130
    assert len(list((tmp_path / "out" / "cells").glob("*"))) == cells
    monkeypatch.setattr(run, "make_cell", made)
    assert main(command(place, tmp_path / "out")) == 2
    assert main(command(place, tmp_path / "out", "--resume")) == 0
    assert contents(tmp_path / "out") == undisturbed
    assert left_over(tmp_path / "out") == []


def test_a_run_stopped_before_its_options_were_written_begins_anew(
    place: Path, tmp_path: Path, undisturbed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*given: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "begin", stopped)
        assert main(command(place, tmp_path / "out")) == 130
    assert not (tmp_path / "out" / folder.RUN).exists()
    assert main(command(place, tmp_path / "out")) == 0
    assert contents(tmp_path / "out") == undisturbed


def test_resume_without_anything_to_go_on_with_begins(
    place: Path, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    assert main(command(place, tmp_path / "out", "--resume")) == 0
    assert contents(tmp_path / "out") == undisturbed


def test_models_and_tasks_may_be_added_by_resuming(
    place: Path, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    first = ["evaluate", str(place / "wrong"), "--tasks", str(place / "tasks" / "binary")]
    assert main([*first, "--out", str(out), *QUICK]) == 0
    assert len(json.loads((out / "results.json").read_text())["tasks"]) == 1
    (cell,) = (out / "cells").glob("*/cell.json")
    before = cell.stat().st_mtime_ns
    assert main(command(place, out, "--resume")) == 0
    assert contents(out) == undisturbed
    assert cell.stat().st_mtime_ns == before


def _full(most: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs RLIMIT_FSIZE")
@pytest.mark.parametrize("most", [pytest.param(600, marks=pytest.mark.long), 2500])
def test_a_full_disk_is_told_and_the_run_goes_on_later(
    place: Path, tmp_path: Path, undisturbed: dict[str, bytes], most: int
) -> None:
    """No file may be larger: predictions do not fit, or the tables do not."""
    process = started(place, tmp_path / "out", preexec_fn=lambda: _full(most))
    told = process.communicate()[1]
    assert process.returncode == 2
    assert "File too large" in told
    assert "Traceback" not in told
    assert "unexpected" not in told
    assert main(command(place, tmp_path / "out", "--resume")) == 0
    assert contents(tmp_path / "out") == undisturbed
    assert left_over(tmp_path / "out") == []


@pytest.mark.parametrize("where", ["out", "cache"])
def test_where_nothing_can_be_written_it_is_told(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    """A file where a folder should be: not even root can write below it."""
    (tmp_path / "file").write_text("")
    blocked = str(tmp_path / "file" / "inner")
    out = blocked if where == "out" else str(tmp_path / "out")
    more = () if where == "out" else ("--cache", blocked)
    model = "baseline:kmer" if where == "out" else "baseline:random-encoder"
    tasks = str(place / "tasks" / "binary")
    assert main(["evaluate", model, "--tasks", tasks, "--out", out, *QUICK, *more]) == 2
    error = capsys.readouterr().err
    assert "file" in error
    assert "unexpected" not in error


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_it_goes_on_to_the_same_end(
    place: Path, tmp_path: Path, undisturbed: dict[str, bytes], seed: int
) -> None:
    """Killed again and again, each time a little later, until it is done."""
    rng = random.Random(seed)
    out = tmp_path / "out"
    patience = 0.5
    for _ in range(40):
        process = started(place, out, "--resume")
        deadline = time.monotonic() + patience * rng.uniform(0.5, 1.5)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        told = process.communicate()[1]
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, told
        patience *= 1.25
    assert process.returncode == 0
    assert contents(out) == undisturbed
