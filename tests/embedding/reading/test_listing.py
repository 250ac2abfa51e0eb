"""Folders are listed as their sorted paths, whatever is in them."""

from __future__ import annotations

import os
import subprocess
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.embedding.reading import files
from multiprot.embedding.reading.files import files_in
from multiprot.embedding.reading.listing import FileRun, is_structure_name, list_folder
from multiprot.embedding.reading.rows import STRUCTURE_FILE_UNITS
from multiprot.proteins import FASTA_SUFFIXES, STRUCTURE_SUFFIXES, is_structure_file

ENDINGS = [s + c for s in FASTA_SUFFIXES + STRUCTURE_SUFFIXES for c in ("", ".gz", ".xz")]


def paths(folder: Path) -> list[Path]:
    runs: list[FileRun] = list(list_folder(str(folder)))
    assert [run.problem for run in runs if run.problem] == []
    return [Path(path) for path in chain.from_iterable(run.paths() for run in runs)]


def touched(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


PARTS = st.text("ab.-Z", min_size=1, max_size=3).filter(lambda part: part.strip("."))
PLACES = st.lists(PARTS, max_size=3).map(lambda parts: Path(*(f"d{part}" for part in parts)))
NAMES = st.builds(str.__add__, PARTS, st.sampled_from([*ENDINGS, ".FA", ".Pdb", ".txt", ".gz", ""]))


@settings(deadline=None)  # It writes files, on whatever drive there is.
@given(st.lists(st.tuples(PLACES, NAMES), max_size=12))
def test_all_protein_files_sorted_by_path(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[Path, str]]
) -> None:
    folder = tmp_path_factory.mktemp("in")
    made = {touched(folder / place / name) for place, name in entries}
    wanted = [
        path
        for path in sorted(made)
        if path.name.lower().endswith(tuple(ENDINGS)) and not path.name.startswith(".")
    ]
    assert paths(folder) == wanted


@pytest.mark.parametrize("ending", [*ENDINGS, ".CIF.GZ", ".txt", ".cif.bz2"])
def test_structures_are_told_as_everywhere(ending: str) -> None:
    assert is_structure_name(f"x{ending}") is is_structure_file(f"x{ending}")


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    touched(tmp_path / ".hidden.fasta")
    touched(tmp_path / ".git" / "a.fasta")
    seen = touched(tmp_path / "a.fasta")
    assert paths(tmp_path) == [seen]


def test_links_are_followed_and_circles_end(tmp_path: Path) -> None:
    inner = touched(tmp_path / "elsewhere" / "a.fasta")
    folder = tmp_path / "in"
    touched(folder / "b.fasta")
    (folder / "circle").symlink_to(folder)
    (folder / "z").symlink_to(inner.parent)
    (folder / "c.fasta").symlink_to(inner)
    (folder / "nowhere.fasta").symlink_to(tmp_path / "missing.fasta")
    names = ["b.fasta", "c.fasta", "nowhere.fasta", "z/a.fasta"]
    assert paths(folder) == [folder / name for name in names]


def test_a_folder_that_ends_as_a_file_does(tmp_path: Path) -> None:
    inner = touched(tmp_path / "a.pdb" / "b.cif")
    assert paths(tmp_path) == [inner]


def test_folders_may_be_nested_deeper_than_calls(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d", dir_fd=folder)
        deeper = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = deeper
    os.close(os.open("a.fasta", os.O_CREAT, dir_fd=folder))
    os.close(folder)
    (path,) = paths(tmp_path)
    # Python's own way to remove folders calls itself for each.
    subprocess.run(["rm", "-r", tmp_path / "d"], check=True)
    assert len(path.relative_to(tmp_path).parts) == 1101


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list any folder")
def test_a_folder_that_cannot_be_listed(tmp_path: Path) -> None:
    seen = touched(tmp_path / "b.fasta")
    closed = touched(tmp_path / "a" / "a.fasta").parent
    closed.chmod(0)
    first, second = list_folder(str(tmp_path))
    closed.chmod(0o700)
    assert list(second.paths()) == [str(seen)]
    assert first.problem is not None
    assert str(closed) in first.problem


def test_a_folder_that_went_away_is_told(tmp_path: Path) -> None:
    (run,) = list_folder(str(tmp_path / "gone"))
    assert run.names == ()
    assert "gone: the folder cannot be listed" in (run.problem or "")
    ((_, work),) = [(0, work) for work in files.ListedFiles([run], [], 0).works()]
    (row,) = work.rows(7)
    assert (row.id, row.record, row.reason, row.consumed) == ("gone", None, run.problem, 7)


def test_units_of_few_files_are_their_sizes(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.fasta").write_bytes(b"x" * number)
        touched(tmp_path / f"{number}.pdb")
    listed = files_in(str(tmp_path))
    assert listed.fasta_units == [0, 1, 2, 3, 4]
    assert listed.units == 10 + 5 * STRUCTURE_FILE_UNITS


def test_of_many_files_few_sizes_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(23):
        (tmp_path / f"{number:02}.fasta").write_bytes(b"x" * number)
        touched(tmp_path / f"{number:02}.pdb")
    asked: list[str] = []
    size = files._size
    monkeypatch.setattr(files, "MOST_SIZES", 5)
    monkeypatch.setattr(files, "_size", lambda path: asked.append(path) or size(path))
    listed = files_in(str(tmp_path))
    assert [Path(path).name for path in asked] == [f"{n:02}.fasta" for n in (0, 5, 10, 15, 20)]
    assert listed.fasta_units == [10] * 23
    assert sum(work.units for work in listed.works()) == listed.units
