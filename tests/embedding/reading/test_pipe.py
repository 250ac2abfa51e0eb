"""A pipe gives what goes in, and can be left while nothing does."""

from __future__ import annotations

import gzip
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from multiprot.embedding.reading.pipe import ReadingStoppedError, leavable
from multiprot.files import open_stream

TEXT = b">a\nACD\n" * 40_000


@pytest.fixture
def ends() -> Iterator[tuple[io.BufferedReader, io.BufferedWriter]]:
    """Both ends of a pipe."""
    read, write = os.pipe()
    with open(read, "rb") as reader, open(write, "wb") as writer:  # noqa: PTH123
        yield reader, writer


def feed(writer: io.BufferedWriter, content: bytes) -> threading.Thread:
    def write() -> None:
        with writer:
            writer.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


@pytest.mark.parametrize("content", [b"", b">", TEXT, gzip.compress(TEXT)], ids=len)
def test_all_that_goes_in_comes_out(
    ends: tuple[io.BufferedReader, io.BufferedWriter], content: bytes
) -> None:
    thread = feed(ends[1], content)
    with open_stream(leavable(ends[0], threading.Event()), "standard input") as stream:
        found = stream.read()
    thread.join()
    assert found == (content if content[:1] != b"\x1f" else TEXT)


def test_it_can_be_left(ends: tuple[io.BufferedReader, io.BufferedWriter]) -> None:
    stopped = threading.Event()
    stream = leavable(ends[0], stopped)
    ends[1].write(b">a\n")
    ends[1].flush()
    assert stream.read1(10) == b">a\n"
    threading.Timer(0.2, stopped.set).start()
    with pytest.raises(ReadingStoppedError):
        stream.read(1)


def test_files_and_memory_are_read_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(TEXT)
    with (tmp_path / "file").open("rb") as file:
        assert leavable(file, threading.Event()) is file
    memory = io.BufferedReader(io.BytesIO(TEXT))
    assert leavable(memory, threading.Event()) is memory
