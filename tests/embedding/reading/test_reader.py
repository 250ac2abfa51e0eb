"""What a user points at becomes rows: in order, with a reason where nothing can be read."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from multiprot.data.synthetic import make_synthetic_corpus
from multiprot.embedding.reading import InputReader, InputRow
from multiprot.embedding.reading.rows import STRUCTURE_FILE_UNITS
from multiprot.errors import EmbeddingError, FileFormatError, MultiprotError
from multiprot.proteins import ProteinRecord, read_structure_file, write_structure


def read(*inputs: Path | str, processes: int = 0) -> list[InputRow]:
    """All rows, with what holds of any rows checked."""
    reader = InputReader([str(entry) for entry in inputs], processes=processes)
    rows = list(reader.rows())
    consumed = [row.consumed for row in rows]
    assert consumed == sorted(consumed)
    assert reader.total is None or consumed[-1] == reader.total
    for row in rows:
        assert (row.record is None) is (row.reason is not None)
        assert row.record is None or row.record.id == row.id
        assert f"{row.id}{row.source}{row.reason}".encode()
    return rows


def ids(*inputs: Path | str) -> list[str]:
    return [row.id for row in read(*inputs)]


def fasta(path: Path, *names: str) -> Path:
    text = "".join(f">{name} some words\nACDEFG\n" for name in names)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.fixture
def structure(tiny_records: tuple[ProteinRecord, ...], tmp_path: Path) -> Path:
    record = next(record for record in tiny_records if record.structure is not None)
    write_structure(record, tmp_path / "folded.cif")
    return tmp_path / "folded.cif"


def test_inputs_come_in_the_order_given(tmp_path: Path, structure: Path) -> None:
    a, b = fasta(tmp_path / "a.fasta", "x", "y"), fasta(tmp_path / "b.fa.gz", "z")
    rows = read(b, structure, a)
    assert [row.id for row in rows] == ["z", "folded", "x", "y"]
    assert [row.source for row in rows] == [str(b), str(structure), str(a), str(a)]
    assert rows[1].record is not None
    assert rows[1].record.structure is not None
    assert rows[1].record.structure.has_frame.any()


def test_a_folder_is_read_by_path(tmp_path: Path, structure: Path) -> None:
    folder = tmp_path / "in"
    fasta(folder / "b.fasta", "b1", "b2")
    fasta(folder / "c" / "d" / "e.faa.gz", "e")
    fasta(folder / "c.fasta", "c")
    (folder / "a.cif").write_bytes(structure.read_bytes())
    (folder / "c" / "z.cif").write_bytes(structure.read_bytes())
    # A folder comes before a file that begins with its name, as paths are compared by their parts.
    assert ids(folder) == ["a", "b1", "b2", "e", "z", "c"]


def test_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fasta(tmp_path / "in" / "a.fasta", "a")
    fasta(tmp_path / "b.fasta", "b")
    monkeypatch.chdir(tmp_path)
    assert [row.source for row in read(".")] == ["b.fasta", "in/a.fasta"]
    assert [row.source for row in read("./b.fasta", "in//")] == ["b.fasta", "in/a.fasta"]


def test_ids_are_not_compared(tmp_path: Path) -> None:
    a = fasta(tmp_path / "a.fasta", "x", "x")
    assert ids(a, a) == ["x"] * 4


def test_rows_can_be_read_again(tmp_path: Path) -> None:
    reader = InputReader([str(fasta(tmp_path / "a.fasta", "x", "y"))])
    first = reader.rows()
    next(first)
    assert list(reader.rows()) == list(reader.rows())
    assert next(first).id == "y"
    reader.close()
    assert list(first) == []


def test_a_corpus_is_known_by_its_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = make_synthetic_corpus(tmp_path / "corpus", families=2, proteins_per_family=5)
    monkeypatch.setattr("multiprot.embedding.reading.corpus._ROWS_AT_ONCE", 4)
    rows = read(fasta(tmp_path / "a.fasta", "x"), tmp_path / "corpus")
    assert [row.record for row in rows[1:]] == corpus.read(range(len(corpus)))
    steps = np.diff([row.consumed for row in rows])
    np.testing.assert_array_equal(steps, corpus.lengths)


def test_a_foreign_manifest_does_not_make_a_corpus(tmp_path: Path) -> None:
    fasta(tmp_path / "in" / "a.fasta", "a")
    for content in ("{}", "[]", "no json"):
        (tmp_path / "in" / "manifest.json").write_text(content)
        assert ids(tmp_path / "in") == ["a"]


def test_rows_of_a_damaged_shard_are_named_one_by_one(tmp_path: Path) -> None:
    corpus = make_synthetic_corpus(tmp_path / "corpus", families=2, proteins_per_family=4)
    shard = tmp_path / "corpus" / corpus.manifest["shards"][0]["file"]
    reader = InputReader([str(tmp_path / "corpus")])
    content = bytearray(shard.read_bytes())
    content[100:2000] = bytes(1900)
    shard.write_bytes(content)
    rows = list(reader.rows())
    assert tuple(row.id for row in rows) == corpus.ids
    assert {row.record for row in rows} == {None}
    assert all("damaged" in (row.reason or "") for row in rows)


def standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    stream = io.BufferedReader(io.BytesIO(content))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stream))


@pytest.mark.parametrize("compress", [bytes, gzip.compress, lzma.compress])
def test_standard_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    standard_input(monkeypatch, compress(b">a\nACD\n>b\nEF1\n"))
    reader = InputReader([str(fasta(tmp_path / "x.fasta", "x")), "-"])
    assert reader.total is None
    rows = list(reader.rows())
    assert [(row.id, row.source) for row in rows[1:]] == [
        ("a", "standard input"),
        ("standard input:b", "standard input"),
    ]
    assert (rows[2].reason or "").startswith("standard input: line 4 column 3: record 'b'")
    with pytest.raises(EmbeddingError, match="standard input: was read already"):
        list(reader.rows())


@pytest.mark.parametrize("content", [b"", b"ACD\n", gzip.compress(b">a\nAC")[:-4], b"\x00\xff\x80"])
def test_standard_input_without_fasta(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    standard_input(monkeypatch, content)
    (row,) = read("-")
    assert (row.id, row.record) == ("standard input", None)
    assert (row.reason or "").startswith("standard input: ")


def test_standard_input_can_be_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EmbeddingError, match="can be read once"):
        InputReader(["-", "a.fasta", "-"])
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(EmbeddingError, match="is closed"):
        read("-")


def test_a_named_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = InputReader([str(fasta(tmp_path / "x.fasta", "x")), str(pipe)])
    assert reader.total is None
    sender = threading.Thread(target=pipe.write_bytes, args=(gzip.compress(b">a\nACD\n"),))
    sender.start()
    assert [row.id for row in reader.rows()] == ["x", "a"]
    sender.join()


def test_a_bad_record_is_a_row_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.fasta"
    path.write_bytes(b">a\nACD\n>b\nAC1\n>c\nEFG\n>\nACD\n>empty\n>\xe9\nAC\n>d\nGGG\n")
    rows = read(path)
    assert [row.id for row in rows] == [
        "a", "a.fasta:b", "c", "a.fasta", "a.fasta:empty", "a.fasta", "d",
    ]  # fmt: skip
    told = [row.reason for row in rows if row.reason]
    for reason, part in zip(told, ("line 4", "line 7", "'empty'", "line 10"), strict=True):
        assert reason.startswith(f"{path}: ")
        assert part in reason


def bad_files() -> list[tuple[str, bytes]]:
    whole = gzip.compress(b">a\n" + b"ACD\n" * 3000)
    return [
        ("empty.fasta", b""),
        ("binary.fasta", bytes(range(256))),
        ("cut.fasta.gz", whole[: len(whole) // 2]),
        ("latin.fasta", ">ä\nACD\n".encode("latin-1")),
        ("text.fasta", b"hello\n"),
        ("empty.cif", b""),
        ("binary.pdb", bytes(range(256))),
        ("text.cif.gz", gzip.compress(b"hello\n")),
    ]


@pytest.mark.parametrize(("name", "content"), bad_files())
def test_a_bad_file_is_one_row(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    good = fasta(tmp_path / "z" / "good.fasta", "good")
    bad, last = read(tmp_path / name, good)
    assert (bad.id, bad.source, last.id) == (name, str(tmp_path / name), "good")
    assert (bad.reason or "").startswith(str(tmp_path / name))


def test_files_that_went_away(tmp_path: Path, structure: Path) -> None:
    a, b = fasta(tmp_path / "a.fasta", "x"), fasta(tmp_path / "b.fasta", "y")
    reader = InputReader([str(a), str(structure), str(b)])
    a.unlink()
    structure.unlink()
    rows = list(reader.rows())
    assert [row.id for row in rows] == ["a.fasta", "folded.cif", "y"]
    assert ["no such file" in (row.reason or "") for row in rows] == [True, True, False]


def test_names_that_are_no_text(tmp_path: Path, structure: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in (b"\xe9.cif", b"\xe9.fasta", b"\xfe.fasta"):
        (folder / os.fsdecode(name)).write_bytes(structure.read_bytes())
    (folder / os.fsdecode(b"\xe9.fasta")).write_bytes(b">a\nACD\n")
    rows = read(folder)
    assert [row.id for row in rows] == ["\\xe9.cif", "a", "\\xfe.fasta"]
    assert [row.source.rsplit("/", 1)[1] for row in rows] == [
        "\\xe9.cif", "\\xe9.fasta", "\\xfe.fasta",
    ]  # fmt: skip
    assert "rename the file" in (rows[0].reason or "")


def test_chains_of_a_file_are_rows_of_the_same_place(shared: Path) -> None:
    path = shared / "data/structures_whole/1igy.cif.gz"
    chains = [reading.record for reading in read_structure_file(path)]
    rows = read(path)
    assert len(rows) > 1
    assert [row.id for row in rows] == [chain.id for chain in chains]
    assert {row.consumed for row in rows} == {STRUCTURE_FILE_UNITS}


def test_missing_inputs_are_told_before_anything_is_read(tmp_path: Path) -> None:
    good = str(fasta(tmp_path / "a.fasta", "x"))
    with pytest.raises(FileFormatError, match=r"nowhere\.fasta: no such file"):
        InputReader([good, str(tmp_path / "nowhere.fasta")])
    with pytest.raises(FileFormatError, match="check the path"):
        InputReader([good, f"{good}/b.fasta"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmbeddingError, match="holds no FASTA or structure file"):
        InputReader([good, str(tmp_path / "empty")])
    for inputs in ([], good):
        with pytest.raises(MultiprotError, match="no input"):
            InputReader(inputs)
