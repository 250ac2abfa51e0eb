"""Cutting FASTA out of a stream gives what reading it line by line gives, however blocks fall."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import re
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.errors import FileFormatError
from multiprot.files import open_stream
from multiprot.proteins import read_fasta
from multiprot.proteins.fasta_entries import fasta_entries


class Dripping(io.RawIOBase):
    """Gives a few bytes at a time, as a pipe does, and cannot go back."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        self._content = content
        self._sizes = sizes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        self._sizes = self._sizes[1:] + self._sizes[:1]
        taken = self._content[: min(self._sizes[0], len(buffer))]
        self._content = self._content[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


def dripping(content: bytes, *sizes: int) -> io.BufferedReader:
    return io.BufferedReader(Dripping(content, list(sizes)))


def found(stream: io.BufferedIOBase) -> list[tuple[int, str, str]]:
    entries = [entry for block in fasta_entries(stream, "x") for entry in block]
    records = [(e.line, e.read_record(e.read_id())) for e in entries]
    return [(line, record.id, record.sequence) for line, record in records]


def by_line(text: str) -> list[tuple[int, str, str]]:
    """The same, the slow and plain way."""
    entries: list[tuple[int, str, str]] = []
    for number, line in enumerate(re.split("\r\n|\n|\r", text), start=1):
        if line.startswith(">"):
            entries.append((number, line[1:].split()[0], ""))
        elif entries:
            first, protein_id, sequence = entries[-1]
            entries[-1] = (first, protein_id, sequence + "".join(line.split()).upper())
    return entries


HEADERS = st.text("ab>|é. \t", min_size=1, max_size=8).map(lambda text: f">p{text}")
LINES = st.text("ACDvwyX \t\u00a0", max_size=9)
RECORDS = st.tuples(HEADERS, st.lists(LINES, max_size=4), st.just("a"))


@st.composite
def fasta_texts(draw: st.DrawFn) -> str:
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    lines = draw(st.lists(st.just(""), max_size=2))
    for header, body, last in draw(st.lists(RECORDS, min_size=1, max_size=5)):
        lines += [header, *body, last]
    return end.join(lines) + draw(st.sampled_from(["", end, end * 2]))


@settings(deadline=None)
@given(fasta_texts(), st.lists(st.integers(1, 9), min_size=1, max_size=4), st.booleans())
def test_blocks_may_end_anywhere(text: str, sizes: list[int], marked: bool) -> None:
    content = b"\xef\xbb\xbf" * marked + text.encode()
    assert found(dripping(content, *sizes)) == by_line(text)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_pipe_may_be_compressed(pack: Callable[[bytes], bytes], size: int) -> None:
    text = "".join(f">p{number} words\nMKV\nLA\n" for number in range(50))
    with open_stream(dripping(pack(text.encode()), size), "standard input") as stream:
        assert found(stream) == by_line(text)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_reading_goes_on_where_a_stream_stands(pack: Callable[[bytes], bytes]) -> None:
    raw = io.BufferedReader(io.BytesIO(b"before" + pack(b">a\nMKV\n")))
    raw.read(len(b"before"))
    with open_stream(raw, "x") as stream:
        assert found(stream) == [(1, "a", "MKV")]


def test_errors_in_a_stream_have_its_name() -> None:
    cut = gzip.compress(os.urandom(10000).hex().encode())[:2000]
    with (
        pytest.raises(FileFormatError, match=r"^standard input: the compressed data are cut"),
        open_stream(dripping(cut, 100), "standard input") as stream,
    ):
        stream.read()


def test_a_record_comes_as_soon_as_it_was_sent() -> None:
    reading, writing = os.pipe()
    os.write(writing, b">a\nMKV\n>b\nMK\n>")
    late = threading.Event()
    sent_too_late = []

    def send_the_rest() -> None:
        late.wait(10)
        sent_too_late.append(not late.is_set())
        os.write(writing, b"c\nMKVLA\n")
        os.close(writing)

    thread = threading.Thread(target=send_the_rest)
    thread.start()
    with os.fdopen(reading, "rb") as raw, open_stream(raw, "pipe") as stream:
        entries = (entry for block in fasta_entries(stream, "pipe") for entry in block)
        ids = [next(entries).read_id(), next(entries).read_id()]
        late.set()
        ids += [entry.read_id() for entry in entries]
    thread.join()
    assert ids == ["a", "b", "c"]
    assert sent_too_late == [False]


def test_a_record_may_be_longer_than_any_block() -> None:
    content = b">a\n" + b"MKVLA\n" * 200_000
    for stream in (io.BytesIO(content), dripping(content, 5000, 6, 7777)):
        ((line, protein_id, sequence),) = found(stream)
        assert (line, protein_id, sequence == "MKVLA" * 200_000) == (1, "a", True)


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (b">b\nMK1\n", "line 4 column 3: record 'b' holds '1'"),
        (b">b\nMK  1\n", "line 4 column 5: record 'b' holds '1'"),
        ("\u00a0>b\nM 1\n".encode()[2:], "line 4 column 3: record 'b' holds '1'"),
        (b">b\nMK\xff\n", "line 4 is not UTF-8 text (byte 0xff at column 3)"),
        (b">b \xe9\nMK\n", "line 3 is not UTF-8 text (byte 0xe9 at column 4)"),
        (b">b\nM\0K\n", "line 4 holds binary data"),
        (b">b\0\nMK\n", "line 3 holds binary data"),
        (b">\nMK\n", "line 3: no id"),
        (b"> b\nMK\n", "line 3: no id"),
        (b">b\n\n*\n", "line 3: record 'b' has no residues"),
        ("\n>b\nM\u00a0K\u00a0é\n".encode(), "line 5 column 5: record 'b' holds 'é'"),
    ],
)
def test_a_bad_record_costs_no_other(tmp_path: Path, record: bytes, told: str) -> None:
    path = tmp_path / "x.fasta"
    path.write_bytes(b">a\nMKV\n" + record + b">c\nGG\n")
    problems: list[FileFormatError] = []
    assert [r.id for r in read_fasta(path, on_bad=problems.append)] == ["a", "c"]
    (problem,) = problems
    assert str(problem).startswith(f"{path}: {told}")
    with pytest.raises(FileFormatError, match=re.escape(told)):
        list(read_fasta(path))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\n\nMKVLA\n>a\nM\n", "line 3: 'MKVLA' stands before the first '>'"),
        (b"\r\n\r\n" + b"MK LA" * 6 + b"\r\n", "line 3: 'MKLAMKLAMKLAMKLAMKLA…' stands before"),
        (b"  >a\nMKV\n", "line 1: '>a' stands before"),
        ("é".encode() * 9000, "line 1: '" + "é" * 20 + "…' stands before"),
        (b"\n  \xff>a\n", "line 2 is not UTF-8 text (byte 0xff at column 3)"),
        (b"\0>a\n", "line 1 holds binary data"),
        (b" \r\n\t", "no FASTA record; the file is empty"),
        (b"\xef\xbb\xbf", "no FASTA record; the file is empty"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100000])
def test_no_fasta_at_all(content: bytes, told: str, size: int) -> None:
    with pytest.raises(FileFormatError, match="^" + re.escape(f"x: {told}")):
        list(fasta_entries(dripping(content, size), "x"))


def test_repeated_ids_can_be_kept_and_are_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "x.fasta"
    path.write_text(">a\nMKV\n>b\nMK\n>a\nML\n")
    records = [(r.id, r.sequence) for r in read_fasta(path, on_duplicate="keep")]
    assert records == [("a", "MKV"), ("b", "MK"), ("a", "ML")]


def test_memory_does_not_grow_with_the_records(tmp_path: Path) -> None:
    peaks = []
    for count in (20_000, 100_000):
        path = tmp_path / f"{count}.fasta"
        path.write_bytes(b"".join(b">protein%d\nMKVLAMKVLA\n" % number for number in range(count)))
        tracemalloc.start()
        assert sum(1 for _ in read_fasta(path, on_duplicate="keep")) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
