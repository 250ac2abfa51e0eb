from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from multiprot.data import structure_source
from multiprot.data.structure_source import StructureFile, list_structure_files, read_structures
from multiprot.errors import DataError, FileFormatError
from multiprot.proteins import ProteinRecord, write_structure

Pairs = list[tuple[ProteinRecord, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pairs: Pairs) -> Path:
    """Two dozen structures, one damaged file and one that is no structure."""
    target = tmp_path_factory.mktemp("structures")
    for record, _ in pairs:
        if record.structure is not None:
            write_structure(record, target / f"{record.id}.cif.gz")
    (target / "damaged.pdb").write_text("ATOM  nonsense\n")
    (target / "README.md").write_text("not a structure")
    (target / ".hidden.cif").write_text("")
    (target / "sub.cif").mkdir()
    return target


def test_files_are_sorted_and_others_named(folder: Path) -> None:
    structures, others = list_structure_files(folder)
    assert [path.name for path in others] == ["README.md"]
    assert structures == sorted(structures)
    assert {path.name for path in structures} == {
        path.name for path in folder.glob("f*.cif.gz")
    } | {"damaged.pdb"}


def test_readings_are_the_records_and_errors_are_told(folder: Path, pairs: Pairs) -> None:
    records = {record.id: record for record, _ in pairs}
    structures, _ = list_structure_files(folder)
    files = list(read_structures(structures, workers=0))
    assert [file.path for file in files] == structures
    for file in files:
        if file.path.name == "damaged.pdb":
            assert not file.readings
            assert file.error is not None
            assert "damaged.pdb" in file.error
        else:
            (reading,) = file.readings
            expected = records[reading.record.id]
            assert (reading.record.sequence, reading.record.structure) == (
                expected.sequence,
                expected.structure,
            )


def outline(files: Sequence[StructureFile]) -> list[Any]:
    return [(f.path, f.error, [(r.record, r.account.to_json()) for r in f.readings]) for f in files]


def test_results_do_not_depend_on_workers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure_source, "_FILES_PER_TASK", 3)
    paths, _ = list_structure_files(folder)
    alone = outline(list(read_structures(paths, workers=0)))
    assert outline(list(read_structures(paths, workers=2))) == alone


def test_stopping_early_stops_the_helpers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure_source, "_FILES_PER_TASK", 1)
    paths, _ = list_structure_files(folder)
    reading = read_structures(paths, workers=1)
    assert next(reading).path == paths[0]
    reading.close()


def die(paths: Sequence[Path]) -> list[StructureFile]:
    if any(path.name == "family001-0000.cif.gz" for path in paths):
        os.kill(os.getpid(), signal.SIGKILL)
    return [StructureFile(path) for path in paths]


def test_a_dying_helper_is_an_error_and_does_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / f"family{i:03d}-0000.cif.gz" for i in range(40)]
    monkeypatch.setattr(structure_source, "_FILES_PER_TASK", 4)
    monkeypatch.setattr(structure_source, "_read_all", die)
    with pytest.raises(DataError, match=r"a process that reads structures died .*--workers 0"):
        list(read_structures(paths, workers=2))


@pytest.mark.parametrize("name", ["missing", "file"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileFormatError, match=f"{name}: .*give a folder"):
        list_structure_files(tmp_path / name)


def test_a_folder_without_structures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(FileFormatError, match=r"no structure file among 1 files; known endings"):
        list_structure_files(tmp_path)


def test_two_files_of_one_id_are_refused(tmp_path: Path) -> None:
    for name in ("A.pdb", "A.cif.gz"):
        (tmp_path / name).write_text("")
    with pytest.raises(DataError, match=r"A\.cif\.gz and A\.pdb both mean A; keep one"):
        list_structure_files(tmp_path)


def test_files_that_differ_in_case_only_are_two(tmp_path: Path) -> None:
    for name in ("1abc_a.cif", "1abc_A.cif"):
        (tmp_path / name).write_text("")
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this file system does not tell letter case")
    assert len(list_structure_files(tmp_path)[0]) == 2
