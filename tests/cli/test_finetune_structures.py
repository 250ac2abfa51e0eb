"""Structures and parts that learn, as a user asks for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multiprot.proteins import read_structure_file, write_fasta
from tests.cli.conftest import Run
from tests.finetuning.shapes import write_shapes

QUICK = ("--epochs", "2", "--batch-entries", "16")
TINY = ("--set", "layers=1", "--set", "width=12", "--set", "heads=2")
PARTS = ("--mode", "parts", "--learns", "structure")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A task, and the structures of all but four of its 60 proteins."""
    return write_shapes(tmp_path / "data", without=4)


def test_a_structure_encoder_beside_learns_and_predicts(
    run: Run, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    task, structures = folders
    out = tmp_path / "run"
    beside = ("--structure-encoder", "residue-geometry", "--set-structure", "width=10")
    code, text, errors = run(
        *("finetune", "residue-transformer", task, "--out", out, *QUICK, *TINY, *PARTS, *beside),
        *("--structures", structures),
    )
    assert code == 0, errors
    assert "structures: 56 of 60 sequences have one (56 the same, 0 similar), 4 have none" in text
    assert "entries with one: train 34 of 36, valid 11 of 12, test 11 of 12" in text
    assert "60 proteins to encode" in errors
    table = tmp_path / "said.csv"
    predict = ("predict", "--model", out / "bundle", "--out", table, "--overwrite")
    code, text, errors = run(*predict, structures)
    assert (code, text) == (
        0,
        f"56 rows, in {table}; 56 of 56 entries with a structure\n",
    ), errors
    first = table.read_text()
    records = [read_structure_file(path)[0].record for path in sorted(structures.iterdir())]
    write_fasta(records, tmp_path / "p.fasta")
    code, text, errors = run(*predict, tmp_path / "p.fasta", "--json")
    assert json.loads(text)["with_structure"] == 0, errors
    assert table.read_text() != first
    code, text, errors = run(*predict, tmp_path / "p.fasta", "--structures", structures)
    assert text.endswith("56 of 56 entries with a structure\n"), errors
    assert sorted(table.read_text().splitlines()) == sorted(first.splitlines())


def test_folds_say_how_many_have_a_structure(
    run: Run, tiny_bundle: Path, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    task, structures = folders
    code, text, errors = run(
        *("finetune", tiny_bundle, task, "--out", tmp_path / "run", *QUICK, *PARTS),
        *("--structures", structures, "--folds", "3", "--valid-share", "0.3"),
    )
    assert code == 0, errors
    assert "structures: 56 of 60 sequences have one" in text


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--mode", "parts"), "names no part that learns"),
        (("--learns", "fusion"), "goes with mode parts, not with frozen"),
        (("--mode", "parts", "--learns", "graph"), "'sequence', 'structure' or 'fusion'"),
        (PARTS, "give a folder of them with --structures"),
        (("--structures", "nowhere"), "nowhere: no such folder; give a folder of structure files"),
        (("--structures", ".", "--structure-identity", "1.5"), "--structure-identity 1.5"),
        (("--structure-encoder", "gvpp"), "--structure-encoder gvpp is for a sequence encoder"),
        (("--set-structure", "width=3"), "name it with --structure-encoder"),
        (("--scores", "squashed"), "--scores squashed"),
    ],
)
def test_bad_requests_say_what_to_do(
    run: Run,
    tiny_bundle: Path,
    folders: tuple[Path, Path],
    tmp_path: Path,
    given: tuple[str, ...],
    told: str,
) -> None:
    out = tmp_path / "run"
    code, _, errors = run("finetune", tiny_bundle, folders[0], "--out", out, *QUICK, *given)
    assert code != 0
    assert told in errors
    assert "Traceback" not in errors
    assert not out.exists()


def test_evaluate_takes_structures(
    run: Run, tiny_bundle: Path, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    code, text, errors = run(
        *("evaluate", tiny_bundle, "--tasks", folders[0], "--out", tmp_path / "scores"),
        *("--structures", folders[1], "--resamples", "20"),
    )
    assert code == 0, errors
    assert "shapes" in text
    assert "note: shapes: structures: 56 of 60 sequences have one" in errors
