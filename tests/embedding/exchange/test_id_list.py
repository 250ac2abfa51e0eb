"""A list of ids as a file."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from multiprot.embedding.exchange import read_id_list
from multiprot.errors import FileFormatError


@pytest.mark.parametrize(
    "content",
    [b"a\nB/1\n\xc3\x84\n", b"\xef\xbb\xbfa\r\n\r\nB/1\r\n  \xc3\x84", b"\na\rB/1\r\xc3\x84\n"],
)
def test_ids_keep_their_order(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ids.txt").write_bytes(content)
    (tmp_path / "ids.gz").write_bytes(gzip.compress(content))
    for name in ("ids.txt", "ids.gz"):
        assert read_id_list(tmp_path / name) == ("a", "B/1", "Ä")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no id"),
        (b"\n \n", "holds no id"),
        (b"a\nb\n\na\n", "line 4: id 'a' was already named in line 1"),
        (b"a\n\xff\n", "line 2 is not UTF-8"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "ids.txt").write_bytes(content)
    with pytest.raises(FileFormatError, match=rf"ids\.txt: {message}"):
        read_id_list(tmp_path / "ids.txt")


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"none\.txt: no such file"):
        read_id_list(tmp_path / "none.txt")
