"""FASTA: every habit of real files is read as documented or refused in one clear line."""

from __future__ import annotations

import gzip
import lzma
import string
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import FileFormatError
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord, read_fasta, write_fasta

PLAIN = ">first some words\nMKV\nLA\n>second\nGG\n"
EXPECTED = [("first", "MKVLA"), ("second", "GG")]


def written(tmp_path: Path, content: str | bytes, name: str = "x.fasta") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pairs(path: Path, **options: object) -> list[tuple[str, str]]:
    return [(r.id, r.sequence) for r in read_fasta(path, **options)]  # type: ignore[arg-type]


def error(path: Path, **options: object) -> str:
    with pytest.raises(FileFormatError) as caught:
        pairs(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PLAIN.encode(), id="plain"),
        pytest.param(gzip.compress(PLAIN.encode()), id="gzip"),
        pytest.param(lzma.compress(PLAIN.encode()), id="xz"),
        pytest.param(PLAIN.replace("\n", "\r\n").encode(), id="windows"),
        pytest.param(PLAIN.replace("\n", "\r").encode(), id="old mac"),
        pytest.param(b"\xef\xbb\xbf" + PLAIN.encode(), id="byte order mark"),
        pytest.param(PLAIN.rstrip("\n").encode(), id="no last line end"),
        pytest.param(PLAIN.replace("\n", "\n\n").encode(), id="blank lines"),
        pytest.param(PLAIN.replace("LA", "la").encode(), id="soft-masked"),
        pytest.param(PLAIN.replace("LA", " L A ").encode(), id="white space"),
        pytest.param(PLAIN.replace("LA", "LA*").encode(), id="stop codon at the end"),
    ],
)
def test_habits_that_change_nothing(tmp_path: Path, content: bytes) -> None:
    assert pairs(written(tmp_path, content, "no-suffix")) == EXPECTED


def test_every_letter_is_kept(tmp_path: Path) -> None:
    assert pairs(written(tmp_path, f">a\n{RESIDUE_LETTERS}\n")) == [("a", RESIDUE_LETTERS)]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["empty"]),
        ("\n\n", ["empty"]),
        ("MKV\n>a\nMKV\n", ["line 1", "'MKV'", "before the first"]),
        (">a\nMKV\n>b\n>c\nMK\n", ["line 3", "'b'", "no residues"]),
        (">a\n*\n", ["line 1", "'a'", "no residues"]),
        (">a\nMKV\n>\nMK\n", ["line 3", "no id"]),
        ("> a\nMKV\n", ["line 1", "no id"]),
        (">a\nMKV\n>b\nMK\n>a\nML\n", ["line 5", "'a'", "line 1"]),
        (">a\nMKV\nM*K\n", ["line 3 column 2", "'a'", "'*'"]),
        (">a\nMKV**\n", ["line 2 column 4", "stop codon"]),
        (">a\nMK-V\n", ["line 2 column 3", "'a'", "gaps"]),
        (">a\nMK.V\n", ["line 2 column 3", "'.'"]),
        (">a\nMK1V\n", ["line 2 column 3", "'1'", RESIDUE_LETTERS]),
        (">a\nMKſ\n", ["line 2 column 3", "'ſ'"]),
    ],
)
def test_refused_with_the_place(tmp_path: Path, content: str, parts: list[str]) -> None:
    message = error(written(tmp_path, content))
    for part in parts:
        assert part in message


def test_bad_files(tmp_path: Path) -> None:
    assert "no such file" in error(tmp_path / "missing.fasta")
    assert "is a folder" in error(tmp_path)
    cut = gzip.compress(PLAIN.encode())[:-4]
    assert "cut short" in error(written(tmp_path, cut, "cut.fasta.gz"))
    assert "not UTF-8" in error(written(tmp_path, ">a\nMKV\n>é\nMK\n".encode("latin-1")))
    assert "not UTF-8" in error(written(tmp_path, PLAIN.encode("utf-16")))
    error(written(tmp_path, bytes(range(256))))


def test_duplicates_can_be_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, ">a\nMKV\n>b\nMK\n>a\nML\n>a\n!!\n")
    assert pairs(path, on_duplicate="first") == [("a", "MKV"), ("b", "MK")]


def test_gaps_can_be_removed(tmp_path: Path) -> None:
    path = written(tmp_path, ">a\n-MK-.V-*\n")
    assert pairs(path, gaps="remove") == [("a", "MKV")]
    assert "no residues" in error(written(tmp_path, ">a\n--\n"), gaps="remove")


def test_bad_records_can_be_collected(tmp_path: Path) -> None:
    problems: list[FileFormatError] = []
    path = written(tmp_path, ">a\nMKV\n>b\nM1\n>a\nML\n>c\nGG\n")
    assert pairs(path, on_bad=problems.append) == [("a", "MKV"), ("c", "GG")]
    assert ["'b'" in str(problems[0]), "already used" in str(problems[1])] == [True, True]


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sometimes"):
        pairs(written(tmp_path, PLAIN), gaps="sometimes")


def test_a_record_comes_before_the_rest_is_read(tmp_path: Path) -> None:
    records = read_fasta(written(tmp_path, ">a\nMKV\n>b\nM1\n"))
    assert next(records).id == "a"
    with pytest.raises(FileFormatError):
        next(records)


def test_memory_does_not_grow_with_the_sequences(tmp_path: Path) -> None:
    body = "\n".join("MKVLA" * 16 for _ in range(50))
    path = written(tmp_path, "".join(f">p{i}\n{body}\n" for i in range(2000)))
    tracemalloc.start()
    try:
        assert sum(len(record) for record in read_fasta(path)) == 2000 * 4000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size / 4


IDS = st.text(string.ascii_letters + string.digits + ">|_.-", min_size=1, max_size=12)
SEQUENCES = st.text(RESIDUE_LETTERS, min_size=1, max_size=200)


@given(st.dictionaries(IDS, SEQUENCES, min_size=1, max_size=5), st.booleans())
def test_written_records_read_back(
    tmp_path_factory: pytest.TempPathFactory, sequences: dict[str, str], packed: bool
) -> None:
    path = tmp_path_factory.mktemp("fasta") / ("x.fasta.gz" if packed else "x.fasta")
    records = [ProteinRecord(id=i, sequence=s) for i, s in sequences.items()]
    write_fasta(records, path)
    assert list(read_fasta(path)) == records
    assert (path.read_bytes()[:2] == b"\x1f\x8b") is packed


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    records = [ProteinRecord(id="a", sequence="MKV" * 50)]
    write_fasta(records, tmp_path / "one.fa.gz")
    write_fasta(records, tmp_path / "two.fa.gz")
    assert (tmp_path / "one.fa.gz").read_bytes() == (tmp_path / "two.fa.gz").read_bytes()
    write_fasta(records, tmp_path / "one.fa")
    assert max(map(len, (tmp_path / "one.fa").read_text().splitlines())) == 80


def test_a_failure_while_writing_leaves_no_file(tmp_path: Path) -> None:
    def broken() -> object:
        yield ProteinRecord(id="a", sequence="MKV")
        raise RuntimeError("source gave up")

    with pytest.raises(RuntimeError, match="gave up"):
        write_fasta(broken(), tmp_path / "x.fasta")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
