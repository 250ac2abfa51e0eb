"""`multiprot export` of a student, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from multiprot.cli.main import main
from multiprot.student.config import StudentConfig
from tests.export.conftest import saved

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("cli") / "s", StudentConfig(width=64, layers=1))


def test_the_printed_next_step_loads_the_model(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "it's here"
    assert main(["export", str(student), "--to", "transformers", "--out", str(out)]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert "parameters, 64 numbers per vector" in first
    assert second.startswith("differs from the student by at most ")
    command = last.removeprefix("next: ").replace("python", sys.executable, 1)
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "64\n"), done.stderr


def test_json_is_json(student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--to", "transformers", "--out", str(tmp_path / "m"), "--json"]
    assert main(["export", f"student:{student}", *arguments]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["to"] == "transformers"
    assert told["parity"]["tokens"] <= 1e-5


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--out", "x.npz"], "is a student, which has no vectors yet; write the model with --to"),
        (["--out", "x", "--to", "onnx", "--residues"], "--residues is for vectors; leave it out"),
        (["--out", "x", "--to", "onnx", "--ids", "l"], "--ids is for vectors; leave it out"),
        (["--out", "x", "--to", "pickle"], "'pickle' is not one of"),
    ],
)
def test_a_wrong_call_is_one_line(
    student: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(student), *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "store").mkdir()
    arguments = ["--to", "onnx", "--out", str(tmp_path / "m")]
    assert main(["export", str(tmp_path / "store"), *arguments]) == 2
    assert "holds no student.json, so it is no student" in capsys.readouterr().err
