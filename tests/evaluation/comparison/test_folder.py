"""The folder of a comparison: names that never collide, one process, one set of options."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import EvaluationError, OutputExistsError
from multiprot.evaluation.comparison import EvaluateOptions
from multiprot.evaluation.comparison.folder import (
    RUN,
    begin,
    cell_name,
    is_begun,
    kept_cell,
    locked,
)

some_names = st.text(min_size=1, max_size=80) | st.sampled_from(
    [
        "a",
        "a--b",
        "b",
        "a-",
        "-b",
        "α",
        "β",
        "a/b",
        "a_b",
        "A",
        "x" * 300,
        "t[fold]",
        ".",
        "..",
        "é",
    ]
)


@given(st.tuples(some_names, some_names), st.tuples(some_names, some_names))
def test_two_cells_never_share_a_folder(first: tuple[str, str], second: tuple[str, str]) -> None:
    one, two = cell_name(*first), cell_name(*second)
    assert (one.lower() == two.lower()) == (first == second)


@given(some_names, some_names)
def test_a_cells_name_is_a_file_name_everywhere(model: str, task: str) -> None:
    name = cell_name(model, task)
    assert name.isascii()
    assert len(name) < 160
    assert not set(name) & set('/\\:*?"<>| \n\0')
    assert name not in (".", "..")


def test_a_cells_name_tells_what_it_is() -> None:
    assert cell_name("esm2", "flip_gb1").startswith("esm2--flip_gb1-")


def test_a_new_folder_is_not_begun(tmp_path: Path) -> None:
    assert not is_begun(tmp_path / "none", EvaluateOptions(), resume=False)
    assert not is_begun(tmp_path, EvaluateOptions(), resume=True)
    assert not (tmp_path / "none").exists()


def test_a_begun_folder_is_gone_on_with_if_asked(tmp_path: Path) -> None:
    options = EvaluateOptions(probes=("knn",), max_rows=50)
    begin(tmp_path, options)
    assert is_begun(tmp_path, options, resume=True)
    with pytest.raises(OutputExistsError, match="go on with --resume, or choose another"):
        is_begun(tmp_path, options, resume=False)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"probes": ["mlp"]}, r"probes = \['linear'\], not \['mlp'\]"),
        ({"max_rows": 10}, "max_rows = None, not 10"),
        ({"resamples": 99}, "resamples = 1000, not 99"),
        ({"confidence": 0.9}, "confidence = 0.95, not 0.9"),
        ({"split_column": "fold"}, "split_column = 'split', not 'fold'"),
    ],
)
def test_other_options_are_named(tmp_path: Path, change: dict[str, object], told: str) -> None:
    begin(tmp_path, EvaluateOptions())
    with pytest.raises(EvaluationError, match=told):
        is_begun(tmp_path, EvaluateOptions.model_validate(change), resume=True)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"options": 3}', "{}"])
def test_what_a_folder_was_begun_with_may_be_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / RUN).write_text(text)
    with pytest.raises(EvaluationError, match=r"run\.json: "):
        is_begun(tmp_path, EvaluateOptions(), resume=True)


def test_a_cell_is_kept_as_it_is(tmp_path: Path) -> None:
    assert kept_cell(tmp_path / "none") is None
    (tmp_path / "cell.json").write_text(json.dumps({"key": "k", "runs": []}))
    assert kept_cell(tmp_path) == {"key": "k", "runs": []}


@pytest.mark.parametrize("text", ["", '{"key": "k"', "[1]", '{"key": "k"}', '{"runs": []}'])
def test_a_damaged_cell_is_told_with_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "cell.json").write_text(text)
    with pytest.raises(EvaluationError, match=rf"cell\.json: .* remove {tmp_path}"):
        kept_cell(tmp_path)


def test_a_second_process_is_told_to_wait(tmp_path: Path) -> None:
    with locked(tmp_path / "out"):
        assert (tmp_path / "out").is_dir()
        with pytest.raises(EvaluationError, match="another process is at work there"):
            locked(tmp_path / "out").__enter__()
        with locked(tmp_path / "other"):
            pass
    with locked(tmp_path / "out"):
        pass


def test_an_error_gives_the_folder_back(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    with locked(tmp_path):
        pass


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path;"
        "from multiprot.evaluation.comparison.folder import locked;"
        "locked(Path(sys.argv[1])).__enter__(); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert (tmp_path / ".lock").exists()
    with locked(tmp_path), pytest.raises(Exception, match="could not be acquired"):
        FileLock(tmp_path / ".lock").acquire(timeout=0)


def test_where_no_folder_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="file"), locked(tmp_path / "file" / "out"):
        pass
