"""`multiprot export`, as a user runs it on what `multiprot embed` wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from multiprot.cli.main import main
from multiprot.embedding import EmbeddingStore
from multiprot.proteins import ProteinRecord, write_fasta

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def store(
    tiny_bundle: Path,
    tiny_records: tuple[ProteinRecord, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Twelve proteins with their residues; tests must not change it."""
    folder = tmp_path_factory.mktemp("store")
    write_fasta(tiny_records, folder / "in.fasta")
    arguments = ["--model", tiny_bundle, "--out", folder / "vectors", "--residues"]
    assert main(["embed", str(folder / "in.fasta"), *map(str, arguments)]) == 0
    return folder / "vectors"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], store: Path) -> Run:
    """Runs the verb on the store; gives exit code, stdout and stderr."""

    def call(*arguments: object, source: Path = store) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["export", str(source), *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.mark.parametrize(
    ("name", "kind"),
    [("v.h5", "hdf5"), ("v.npz", "npz"), ("v.csv", "csv"), ("v.tsv.gz", "csv")],
)
def test_the_printed_next_step_reads_the_file(
    run: Run, tmp_path: Path, name: str, kind: str
) -> None:
    pytest.importorskip("pandas")
    out = tmp_path / "it's here" / name
    code, printed, err = run("--out", out)
    assert (code, err) == (0, "")
    first, last = printed.splitlines()
    assert first == (
        f"12 proteins, 24 numbers each, in {out} ({kind}, {out.stat().st_size:,} bytes)"
    )
    shell = last.removeprefix("next: ").replace("python", sys.executable, 1)
    found = subprocess.run(shell, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    shapes = {"hdf5": "(24,)", "npz": "(12, 24)", "csv": "(12, 25)"}
    assert found.stdout.split("\n")[0].endswith(shapes[kind])


@pytest.mark.parametrize("name", ["r.h5", "r.npz"])
def test_residues(run: Run, store: Path, tmp_path: Path, name: str) -> None:
    code, printed, _ = run("--out", tmp_path / name, "--residues")
    assert code == 0
    assert printed.startswith(f"12 proteins, 24 numbers per residue, in {tmp_path / name}")
    shell = printed.splitlines()[1].removeprefix("next: ").replace("python", sys.executable, 1)
    found = subprocess.run(shell, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    first = next(iter(EmbeddingStore.open(store)))
    assert found.stdout == f"{first.id} ({first.length}, 24)\n"


def test_json(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "v.data"
    code, printed, _ = run("--out", out, "--to", "anndata", "--json")
    assert code == 0
    summary = json.loads(printed)
    assert summary.pop("seconds") > 0
    assert summary == {
        "out": str(out),
        "format": "anndata",
        "proteins": 12,
        "width": 24,
        "residues": False,
        "bytes": out.stat().st_size,
    }


def test_only_some_ids(run: Run, store: Path, tmp_path: Path) -> None:
    opened = EmbeddingStore.open(store)
    (tmp_path / "ids.txt").write_text(f"{opened.ids[7]}\n\n{opened.ids[2]}\n")
    assert run("--out", tmp_path / "v.h5", "--ids", tmp_path / "ids.txt")[0] == 0
    with h5py.File(tmp_path / "v.h5") as file:
        assert list(file) == [opened.ids[2], opened.ids[7]]
        for name in file:
            np.testing.assert_array_equal(file[name], opened.vector(name))
    (tmp_path / "ids.txt").write_text(f"{opened.ids[7]}\nnobody\n")
    code, printed, err = run("--out", tmp_path / "w.h5", "--ids", tmp_path / "ids.txt")
    assert (code, printed) == (2, "")
    assert err == (
        f"error: {store}: 1 of 2 ids are not among its 12 proteins: 'nobody'; ids are "
        "case-sensitive\n"
    )
    assert not (tmp_path / "w.h5").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "v.dat"], "v.dat: the name tells no format; end it in .h5, .hdf5, .npz"),
        (["--out", "v.csv", "--residues"], "v.csv: csv has one row per protein"),
        (["--out", "v.npz", "--escape-ids"], "v.npz: npz takes every id as it is"),
        (["--out", "v.h5", "--to", "xml"], "invalid value for '--to'"),
        (["--out", "v.h5", "--ids", "none.txt"], "none.txt: no such file"),
        ([], "missing option '--out'"),
    ],
)
def test_wrong_usage_is_one_line_and_leaves_nothing(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, printed, err = run(*arguments)
    assert (code, printed) == (2, "")
    assert err.startswith(f"error: {message}")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_kept_unless_told_otherwise(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "v.npz"
    out.write_text("precious")
    code, _, err = run("--out", out)
    assert (code, err.count("already exists")) == (2, 1)
    assert out.read_text() == "precious"
    assert run("--out", out, "--overwrite")[0] == 0
    assert np.load(out)["vectors"].shape == (12, 24)


def test_no_store_and_no_library(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = run("--out", tmp_path / "v.h5", source=tmp_path / "nowhere")
    assert (code, "nowhere: no such folder" in err) == (2, True)
    monkeypatch.setitem(sys.modules, "h5py", None)
    code, _, err = run("--out", tmp_path / "v.h5")
    assert code == 2
    assert err.endswith("next: pip install 'multiprot[hdf5]'\n")
    assert list(tmp_path.iterdir()) == []


def test_ids_with_a_slash(run: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "in.fasta").write_text(">1433B_HUMAN/5-240\nACDEFGHIKL\n")
    store = tmp_path / "vectors"
    command = ["embed", tmp_path / "in.fasta", "--model", tiny_bundle, "--out", store]
    assert main([str(part) for part in command]) == 0
    code, _, err = run("--out", tmp_path / "v.h5", source=store)
    assert code == 2
    assert err.startswith("error: id '1433B_HUMAN/5-240' cannot name an HDF5 dataset")
    assert run("--out", tmp_path / "v.h5", "--escape-ids", source=store)[0] == 0
    with h5py.File(tmp_path / "v.h5") as file:
        assert list(file) == ["1433B_HUMAN%2F5-240"]
        assert file["1433B_HUMAN%2F5-240"].attrs["original_id"] == "1433B_HUMAN/5-240"
