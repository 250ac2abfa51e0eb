"""Reading text files with clear errors, and writing files and folders that are whole or absent."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from multiprot.errors import FileFormatError, MultiprotError, OutputExistsError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_GZIP_MAGIC: Final = b"\x1f\x8b"
_XZ_MAGIC: Final = b"\xfd7zXZ\x00"


def read_bytes(path: Path) -> bytes:
    """The file's content, gunzipped or unxz'ed if it is compressed (told by content, not by name).

    Raises
    ------
    FileFormatError
        If the file is missing, a folder, unreadable, or its compressed stream is cut short.
    """
    with open_binary(path) as handle:
        return handle.read()


@contextmanager
def open_binary(path: Path) -> Iterator[io.BufferedIOBase]:
    """Open a plain, gzip or xz file for reading; errors while reading name the file."""
    with named_errors(path), path.open("rb") as raw, _decompressed(raw) as handle:
        yield handle


@contextmanager
def open_stream(raw: io.BufferedReader, name: str) -> Iterator[io.BufferedIOBase]:
    """Read on in a plain, gzip or xz stream that is open, such as standard input; pipes will do.

    Parameters
    ----------
    raw
        Stays open.
    name
        What errors while reading call it.
    """
    with named_errors(name), _decompressed(raw) as handle:
        yield handle


def read_lines(path: Path) -> Iterator[str]:
    """Lines of a UTF-8 text file, plain, gzip or xz, without line ends (Unix, Windows or old Mac).

    Raises
    ------
    FileFormatError
        As `read_bytes`, and where a line is not UTF-8 text, naming the line.
    """
    number = 0
    with open_binary(path) as handle:
        for number, raw in enumerate(handle, start=1):
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise FileFormatError(
                    f"{path}: line {number} is not UTF-8 text (byte 0x{raw[error.start]:02x} at "
                    f"column {error.start + 1}); convert the file, for example with iconv"
                ) from None
            if "\0" in text:
                raise FileFormatError(f"{path}: line {number} holds binary data, not text")
            yield from text.splitlines() or [""]


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A temporary sibling of `path` to write to; it takes the final name only if all went well."""
    with named_errors(path.parent):
        handle, name = tempfile.mkstemp(dir=_writable_parent(path), prefix=f".{path.name}.")
        os.close(handle)
    partial = Path(name)
    try:
        with named_errors(path):
            yield partial
            synced(partial)
            partial.chmod(0o666 & ~_umask())
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary sibling folder of `path`; it takes the final name only if all went well.

    Raises
    ------
    OutputExistsError
        If `path` exists and is not an empty folder, unless `overwrite`.
    """
    refuse_existing(path, overwrite=overwrite)
    with named_errors(path.parent):
        partial = Path(tempfile.mkdtemp(dir=_writable_parent(path), prefix=f".{path.name}."))
    try:
        with named_errors(path):
            yield partial
            for file in sorted(partial.rglob("*")):
                if file.is_file():
                    synced(file)
            partial.chmod(0o777 & ~_umask())
            _swap_in(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def synced(path: Path) -> None:
    """Return when the file's bytes, or the folder's entries, are on the disk.

    Raises
    ------
    MultiprotError
        If the system cannot do it, as on a full disk.
    """
    with named_errors(path):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def refuse_existing(path: Path, *, overwrite: bool = False) -> None:
    """Raise `OutputExistsError` if `path` is a file or a folder that holds anything."""
    if overwrite or not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    raise OutputExistsError(f"{path}: already exists; choose another output or remove it first")


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with named_errors(path), path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@contextmanager
def _decompressed(raw: io.BufferedReader) -> Iterator[io.BufferedIOBase]:
    magic = raw.read(len(_XZ_MAGIC))
    if raw.seekable():
        raw.seek(-len(magic), os.SEEK_CUR)
    else:
        raw = io.BufferedReader(_Rejoined(magic, raw))
    if magic.startswith(_GZIP_MAGIC):
        with gzip.GzipFile(fileobj=raw) as unzipped:
            yield unzipped
    elif magic == _XZ_MAGIC:
        with lzma.open(raw) as unpacked:
            yield unpacked
    else:
        yield raw


class _Rejoined(io.RawIOBase):
    """A pipe with the bytes that were read from it to tell its compression put back."""

    def __init__(self, head: bytes, rest: io.BufferedReader) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        # Not `readinto1`: it waits for more although it has something to give.
        data = self._head or self._rest.read1(len(view))
        taken, self._head = data[: len(view)], data[len(view) :]
        view[: len(taken)] = taken
        return len(taken)


@contextmanager
def named_errors(path: Path | str) -> Iterator[None]:
    """Give operating system and decompression errors the file's name and a next step."""
    try:
        yield
    except FileNotFoundError as error:
        missing = error.filename or path
        raise FileFormatError(f"{missing}: no such file or folder; check the path") from None
    except IsADirectoryError:
        raise FileFormatError(f"{path}: is a folder, a file is needed") from None
    except PermissionError as error:
        raise FileFormatError(f"{error.filename or path}: permission denied") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError) as error:
        raise FileFormatError(
            f"{path}: the compressed data are cut short or damaged ({error}); fetch the file again"
        ) from None
    except OSError as error:
        raise MultiprotError(f"{error.filename or path}: {error.strerror or error}") from error


def _writable_parent(path: Path) -> Path:
    with named_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(13, "permission denied", str(path.parent))
    return path.parent


def _swap_in(partial: Path, path: Path) -> None:
    if path.exists():
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.old.") as old:
            path.replace(Path(old) / "folder")
            partial.replace(path)
    else:
        partial.replace(path)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
