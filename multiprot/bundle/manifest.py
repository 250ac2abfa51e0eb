"""A folder that knows its own files: a JSON manifest with sizes and hashes, and its verification.

Bundles and embedding stores share it. The manifest is written last, in one canonical form, and
holds the hash of its own content, so that no byte of the folder can change unnoticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from multiprot.errors import MultiprotError
from multiprot.files import sha256

_OWN_KEYS: Final = ("format", "format_version", "files", "manifest_hash")


@dataclass(frozen=True, slots=True)
class ManifestKind:
    """One sort of folder.

    Attributes
    ----------
    file_name
        Name of the manifest in the folder.
    format
        Name of the format, as the manifest states it.
    version
        Newest version this multiprot reads and the one it writes.
    noun
        What a user calls such a folder, for messages.
    error
        What is raised where the folder is not sound.
    """

    file_name: str
    format: str
    version: int
    noun: str
    error: type[MultiprotError]

    def is_in(self, folder: Path | str) -> bool:
        """Whether a folder of this kind, whole or not, is there."""
        return (Path(folder) / self.file_name).is_file()


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What a file must be: its size in bytes and the SHA-256 of its bytes, in hex."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FolderManifest:
    """A manifest as read.

    Attributes
    ----------
    folder
        Where it lies.
    header
        All that the writer put beside the list of files.
    files
        Path relative to the folder, with '/', to what the file must be.
    """

    folder: Path
    kind: ManifestKind
    header: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, FileEntry] = field(default_factory=dict)

    def verified(self, name: str) -> Path:
        """Path of the file `name`, after its size and hash were compared.

        Raises
        ------
        MultiprotError
            Of the kind's own class: the file is unlisted, missing, a link, cut short or altered.
        """
        path = self.sized(name)
        found = sha256(path)
        if found != self.files[name].sha256:
            raise self.kind.error(
                f"{path}: altered since it was written (SHA-256 {found[:12]}…, expected "
                f"{self.files[name].sha256[:12]}…); fetch or make the {self.kind.noun} again"
            )
        return path

    def sized(self, name: str) -> Path:
        """Path of the file `name`, after existence and size were compared, but not the content."""
        if name not in self.files:
            raise self.kind.error(f"{self.folder}: {self.kind.file_name} lists no file {name}")
        path = self._inside(name)
        if not path.is_file():
            raise self.kind.error(
                f"{path}: missing; fetch or make the {self.kind.noun} again, whole"
            )
        size, expected = path.stat().st_size, self.files[name].size
        if size != expected:
            trouble = "cut short" if size < expected else "too long"
            raise self.kind.error(
                f"{path}: {trouble} ({size} bytes, expected {expected}); fetch or make the "
                f"{self.kind.noun} again"
            )
        return path

    def unlisted(self) -> tuple[str, ...]:
        """Files in the folder that the manifest does not know; they are never opened."""
        present = {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if not path.is_dir()
        }
        return tuple(sorted(present - set(self.files) - {self.kind.file_name}))

    def _inside(self, name: str) -> Path:
        path = self.folder
        for part in PurePosixPath(name).parts:
            path = path / part
            if path.is_symlink():
                raise self.kind.error(
                    f"{path}: is a link; a {self.kind.noun} holds plain files only, copy it with "
                    "cp -rL"
                )
        return path


def write_manifest(
    folder: Path,
    kind: ManifestKind,
    header: Mapping[str, Any],
    names: Iterable[str],
    known: Mapping[str, FileEntry] | None = None,
) -> FolderManifest:
    """Write the manifest of files in `folder`; to be called last.

    Parameters
    ----------
    folder
        Where it and the files lie.
    kind
        The sort of folder.
    header
        What else it says; plain JSON.
    names
        Files to measure and list.
    known
        Files to list that were measured when they were written.

    Raises
    ------
    MultiprotError
        Of the kind's own class, if the header does not go into JSON as it is.
    """
    taken = set(header) & set(_OWN_KEYS)
    if taken:
        raise kind.error(f"{folder}: a header may not set {', '.join(sorted(taken))}")
    files = {
        name: FileEntry((folder / name).stat().st_size, sha256(folder / name))
        for name in sorted(names)
    } | dict(known or {})
    content: dict[str, Any] = {
        "format": kind.format,
        "format_version": kind.version,
        **header,
        "files": {name: {"size": e.size, "sha256": e.sha256} for name, e in files.items()},
    }
    try:
        content["manifest_hash"] = _own_hash(content)
        (folder / kind.file_name).write_bytes(_canonical(content))
    except (TypeError, ValueError) as error:
        raise kind.error(f"{folder}: the {kind.noun}'s header is not plain JSON: {error}") from None
    return FolderManifest(folder, kind, dict(header), files)


def read_manifest(folder: Path, kind: ManifestKind) -> FolderManifest:
    """Read and check the manifest of `folder`, without looking at the other files.

    Raises
    ------
    MultiprotError
        Of the kind's own class: no such folder, no manifest, another or a newer format, altered
        content, or a listed path that leads out of the folder.
    """
    path = folder / kind.file_name
    content = _parsed(path, kind)
    if content.get("format") != kind.format:
        raise kind.error(
            f"{path}: format {content.get('format')!r}, expected {kind.format!r}; this is not a "
            f"{kind.noun}"
        )
    version = content.get("format_version")
    if not isinstance(version, int) or not 1 <= version <= kind.version:
        raise kind.error(
            f"{path}: format version {version!r}, this multiprot reads 1 to {kind.version}; "
            f"written by multiprot {content.get('multiprot_version', 'unknown')}, upgrade multiprot"
        )
    if not _is_untouched(content, path.read_bytes()):
        raise kind.error(
            f"{path}: altered since it was written; fetch or make the {kind.noun} again"
        )
    files = _files_of(content, path, kind)
    header = {key: value for key, value in content.items() if key not in _OWN_KEYS}
    return FolderManifest(folder, kind, header, files)


def _parsed(path: Path, kind: ManifestKind) -> dict[str, Any]:
    folder = path.parent
    if not folder.is_dir():
        what = "is a file, a folder is needed" if folder.exists() else "no such folder"
        raise kind.error(f"{folder}: {what}; name the folder of a {kind.noun}")
    if path.is_symlink() or not path.is_file():
        raise kind.error(
            f"{folder}: holds no plain file {path.name}, so it is not a {kind.noun} or was never "
            "finished; make it again"
        )
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise kind.error(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise kind.error(
            f"{path}: is not JSON ({error}); fetch or make the {kind.noun} again"
        ) from None
    if not isinstance(content, dict):
        raise kind.error(f"{path}: a JSON object is needed; this is not a {kind.noun}")
    return content


def _is_untouched(content: Mapping[str, Any], raw: bytes) -> bool:
    try:
        return raw == _canonical(content) and content.get("manifest_hash") == _own_hash(content)
    except ValueError:  # NaN, or half a surrogate pair: never written by us
        return False


def _files_of(content: Mapping[str, Any], path: Path, kind: ManifestKind) -> dict[str, FileEntry]:
    listed = content.get("files")
    try:
        return {
            _plain_path(name, path, kind): FileEntry(int(entry["size"]), str(entry["sha256"]))
            for name, entry in dict(listed or {}).items()
        }
    except (TypeError, KeyError, ValueError):
        raise kind.error(
            f"{path}: the list of files is not as multiprot writes it; this is not a {kind.noun}"
        ) from None


def _plain_path(name: str, manifest: Path, kind: ManifestKind) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or path.as_posix() != name:
        raise kind.error(
            f"{manifest}: lists the path {name!r}, which may lead out of the folder; do not use "
            f"this {kind.noun}"
        )
    return name


def _canonical(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def _own_hash(content: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in content.items() if key != "manifest_hash"}
    return hashlib.sha256(_canonical(rest)).hexdigest()
