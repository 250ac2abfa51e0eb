"""What is exported is what is stored, in every format; a file is whole or absent."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiprot.embedding.exchange import ExportOptions, export_store
from multiprot.errors import EmbeddingError, FileFormatError, MultiprotError, OutputExistsError
from tests.embedding.exchange.readers import FORMATS, READERS
from tests.embedding.exchange.stores import make_store, parquet_rows, proteins

IDS = ("P1", "sp|Q2|X_Y", "Ä,3", 'q"4', "z.5", "p1")


def escaping(name: str, **options: Any) -> ExportOptions:
    """Options under which every format takes every id."""
    return ExportOptions(escape_ids=name.lower().endswith((".h5", ".hdf5")), **options)


def same_bits(left: Any, right: Any) -> bool:
    """Whether two arrays are equal bit by bit, NaN included."""
    left, right = (np.asarray(array, dtype="<f4") for array in (left, right))
    return left.shape == right.shape and left.tobytes() == right.tobytes()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return make_store(tmp_path / "store", proteins(IDS))


ids = st.text(st.characters(exclude_categories=["Cs", "Z"], exclude_characters="\0"), min_size=1)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    names=st.lists(
        ids.filter(lambda text: not any(map(str.isspace, text))),
        min_size=1,
        max_size=9,
        unique=True,
    ),
    chosen=st.none() | st.integers(1, 511),
    chunk=st.integers(1, 5),
    residues=st.booleans(),
)
def test_every_format_holds_the_rows_of_the_store(
    tmp_path_factory: pytest.TempPathFactory,
    names: list[str],
    chosen: int | None,
    chunk: int,
    residues: bool,
) -> None:
    folder = tmp_path_factory.mktemp("export")
    store = make_store(folder / "store", proteins(names, residues=residues), chunk=chunk)
    rows = parquet_rows(store)
    if chosen is not None:
        rows = [row for number, row in enumerate(rows) if chosen >> number & 1] or rows[-1:]
    picked = None if chosen is None else [row["id"] for row in reversed(rows)]
    for name, read in READERS.items():
        export_store(store, folder / name, escaping(name, ids=picked))
        found = read(folder / name)
        assert list(found) == [row["id"] for row in rows], name
        for row in rows:
            assert same_bits(found[row["id"]], row["vector"]), name
    for name in ("r.h5", "r.npz") if residues else ():
        export_store(store, folder / name, escaping(name, ids=picked, residues=True))
        found = READERS[f"a.{name[2:]}"](folder / name)
        assert list(found) == [row["id"] for row in rows], name
        for row in rows:
            assert same_bits(found[row["id"]], row["residues"]), name


@pytest.mark.parametrize("name", FORMATS)
def test_the_summary_counts(store: Path, tmp_path: Path, name: str) -> None:
    seen: list[tuple[int, int]] = []
    summary = export_store(
        store,
        tmp_path / name,
        ExportOptions(ids={"p1", "P1", "z.5"}),
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert (summary.path, summary.proteins, summary.width) == (tmp_path / name, 3, 4)
    assert summary.size == (tmp_path / name).stat().st_size
    assert seen == [(1, 3), (3, 3)]


@pytest.mark.parametrize("name", [*FORMATS, "a.csv.gz"])
def test_equal_stores_give_equal_bytes(store: Path, tmp_path: Path, name: str) -> None:
    export_store(store, tmp_path / name)
    export_store(store, tmp_path / f"2{name}")
    assert (tmp_path / name).read_bytes() == (tmp_path / f"2{name}").read_bytes()


def test_the_format_may_be_named(store: Path, tmp_path: Path) -> None:
    for name, kind in zip(FORMATS, ("hdf5", "npz", "csv", "anndata"), strict=True):
        options = ExportOptions(format=kind)  # type: ignore[arg-type]
        assert export_store(store, tmp_path / "vectors", options, overwrite=True).format == kind
        export_store(store, tmp_path / name)
        assert (tmp_path / "vectors").read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize("name", ["vectors", "vectors.parquet", "h5", "vectors.npz.bak"])
def test_a_name_that_tells_no_format_is_refused(store: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(EmbeddingError, match=f"{name}: the name tells no format; end it in .h5"):
        export_store(store, tmp_path / name)


def test_what_a_format_cannot_hold_is_refused(store: Path, tmp_path: Path) -> None:
    for name in ("a.csv", "a.h5ad"):
        with pytest.raises(EmbeddingError, match="no place for residues"):
            export_store(store, tmp_path / name, ExportOptions(residues=True))
    for name in ("a.csv", "a.h5ad", "a.npz"):
        with pytest.raises(EmbeddingError, match="takes every id as it is"):
            export_store(store, tmp_path / name, ExportOptions(escape_ids=True))
    with pytest.raises(EmbeddingError, match=r"store: has no residue matrices; embed again"):
        export_store(store, tmp_path / "a.h5", ExportOptions(residues=True))
    with pytest.raises(EmbeddingError, match="format 'xml' is not known; known: hdf5, npz"):
        export_store(store, tmp_path / "a", ExportOptions(format="xml"))  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


@pytest.mark.parametrize("name", FORMATS)
def test_what_exists_is_kept_unless_told_otherwise(store: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(OutputExistsError, match="already exists"):
        export_store(store, tmp_path / name)
    with pytest.raises(EmbeddingError, match="not among its"):
        export_store(store, tmp_path / name, ExportOptions(ids=["no"]), overwrite=True)
    assert (tmp_path / name).read_text() == "precious"
    export_store(store, tmp_path / name, overwrite=True)
    assert len(READERS[name.replace("a.h5ad", "A.H5AD")](tmp_path / name)) == len(IDS)


def test_a_folder_and_the_store_itself_are_no_place(store: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for overwrite in (False, True):
        with pytest.raises(FileFormatError, match="is a folder, a file is needed"):
            export_store(store, tmp_path / "folder.csv", overwrite=overwrite)
    with pytest.raises(EmbeddingError, match="lies inside of the store"):
        export_store(store, store / "vectors.csv")


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_store_leaves_no_file(store: Path, tmp_path: Path, name: str) -> None:
    shard = next(iter(store.glob("*.parquet")))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(EmbeddingError, match=f"{shard.name}: altered since it was written"):
        export_store(store, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_failure_on_the_way_leaves_no_file(store: Path, tmp_path: Path, name: str) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_store(store, tmp_path / name, on_progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


FULL = """
    import json, resource, sys
    from multiprot.embedding.exchange import export_store
    from multiprot.errors import MultiprotError
    store, limits = sys.argv[1], json.loads(sys.argv[2])
    for path, bytes in limits:
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes, resource.RLIM_INFINITY))
        try:
            export_store(store, path)
        except MultiprotError as error:
            print(error)
    """


def test_a_full_disk_is_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    """Wherever writing fails: at the first byte, midway, or when the last ones are put down."""
    store = make_store(tmp_path / "store", proteins([f"p{i}" for i in range(300)], width=64))
    limits = []
    for name in (*FORMATS, "a.csv.gz"):
        size = export_store(store, tmp_path / name).size
        (tmp_path / name).unlink()
        limits += [(str(tmp_path / name), bytes_) for bytes_ in (0, size // 3, size - 1)]
    command = [sys.executable, "-c", textwrap.dedent(FULL), str(store), json.dumps(limits)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [f"{path}: File too large" for path, _ in limits]
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_no_such_store(tmp_path: Path) -> None:
    with pytest.raises(MultiprotError, match="nowhere: no such folder"):
        export_store(tmp_path / "nowhere", tmp_path / "a.h5")


def test_nothing_to_export_is_refused(store: Path, tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="no id was chosen"):
        export_store(store, tmp_path / "a.h5", ExportOptions(ids=[]))


PEAK = """
    import resource, sys
    from multiprot.embedding.exchange import export_store
    export_store(sys.argv[1], sys.argv[2])
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    """


def peak(store: Path, out: Path) -> int:
    """Peak resident bytes of a process that exports `store`."""
    command = [sys.executable, "-c", textwrap.dedent(PEAK), str(store), str(out)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", FORMATS)
def test_memory_does_not_grow_with_the_vectors(tmp_path: Path, name: str) -> None:
    """A vector is 4,096 bytes here; what may stay of each protein is its id and a few columns."""
    small, large = 2_000, 22_000
    for count in (small, large):
        rows = proteins([f"P{number:06d}" for number in range(count)], width=1024)
        make_store(tmp_path / str(count), rows, chunk=1000)
    growth = peak(tmp_path / str(large), tmp_path / name) - peak(
        tmp_path / str(small), tmp_path / f"small{name}"
    )
    assert growth / (large - small) < 1500
