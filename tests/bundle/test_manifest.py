"""A folder that knows its own files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.bundle.manifest import ManifestKind, read_manifest, write_manifest
from multiprot.errors import BundleError

KIND = ManifestKind("index.json", "test-folder", 2, "test folder", BundleError)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    (made / "deep").mkdir(parents=True)
    (made / "a.txt").write_bytes(b"alpha")
    (made / "deep" / "b.bin").write_bytes(bytes(range(256)))
    write_manifest(made, KIND, {"name": "Ä", "rate": 1e-05}, ["a.txt", "deep/b.bin"])
    return made


def resign(folder: Path, **changes: object) -> None:
    """What a forger would do: change the manifest and make its own hash fit again."""
    content = json.loads((folder / KIND.file_name).read_text())
    content.update(changes)
    files = content.pop("files")
    for key in ("format", "format_version", "manifest_hash"):
        content.pop(key)
    kind = ManifestKind(
        KIND.file_name,
        str(changes.get("format", KIND.format)),
        int(str(changes.get("format_version", KIND.version))),
        KIND.noun,
        BundleError,
    )
    from multiprot.bundle import manifest

    whole = {"format": kind.format, "format_version": kind.version, **content, "files": files}
    whole["manifest_hash"] = manifest._own_hash(whole)
    (folder / KIND.file_name).write_bytes(manifest._canonical(whole))


def test_what_was_written_is_read(folder: Path) -> None:
    manifest = read_manifest(folder, KIND)
    assert manifest.header == {"name": "Ä", "rate": 1e-05}
    assert list(manifest.files) == ["a.txt", "deep/b.bin"]
    assert manifest.verified("deep/b.bin").read_bytes() == bytes(range(256))
    assert manifest.unlisted() == ()


def test_unlisted_files_are_named(folder: Path) -> None:
    (folder / "deep" / "notes.md").write_text("mine")
    assert read_manifest(folder, KIND).unlisted() == ("deep/notes.md",)
    with pytest.raises(BundleError, match=r"lists no file deep/notes\.md"):
        read_manifest(folder, KIND).verified("deep/notes.md")


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_any_flipped_bit_of_the_manifest_is_refused(
    tmp_path_factory: pytest.TempPathFactory, position: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("flip")
    (folder / "a.txt").write_bytes(b"alpha")
    write_manifest(folder, KIND, {"name": "x", "list": [1, 2.5, None, True]}, ["a.txt"])
    path = folder / KIND.file_name
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"index\.json|format"):
        read_manifest(folder, KIND)


def test_every_truncation_of_the_manifest_is_refused(folder: Path) -> None:
    path = folder / KIND.file_name
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(BundleError):
            read_manifest(folder, KIND)


def test_an_altered_file_is_refused_and_named(folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"alphA")
    with pytest.raises(BundleError, match=r"a\.txt: altered since it was written"):
        read_manifest(folder, KIND).verified("a.txt")


@pytest.mark.parametrize(
    ("content", "message"), [(b"alph", "cut short"), (b"alphaa", "too long"), (b"", "cut short")]
)
def test_another_size_is_told(folder: Path, content: bytes, message: str) -> None:
    (folder / "a.txt").write_bytes(content)
    with pytest.raises(BundleError, match=f"{message} .{len(content)} bytes, expected 5"):
        read_manifest(folder, KIND).sized("a.txt")


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "a.txt").unlink()
    with pytest.raises(BundleError, match=r"a\.txt: missing"):
        read_manifest(folder, KIND).verified("a.txt")


def test_links_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"alpha")
    (folder / "a.txt").unlink()
    (folder / "a.txt").symlink_to(tmp_path / "outside")
    with pytest.raises(BundleError, match="is a link"):
        read_manifest(folder, KIND).verified("a.txt")


def test_a_linked_folder_inside_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "deep").rename(tmp_path / "elsewhere")
    (folder / "deep").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="deep: is a link"):
        read_manifest(folder, KIND).verified("deep/b.bin")


def test_a_linked_manifest_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / KIND.file_name).rename(tmp_path / "m.json")
    (folder / KIND.file_name).symlink_to(tmp_path / "m.json")
    with pytest.raises(BundleError, match="no plain file"):
        read_manifest(folder, KIND)


@pytest.mark.parametrize(
    "name", ["../a.txt", "/etc/passwd", "deep/../a.txt", "a\\b", "./a.txt", ""]
)
def test_a_path_that_may_lead_out_is_refused(folder: Path, name: str) -> None:
    resign(folder, files={name: {"size": 5, "sha256": "0" * 64}})
    with pytest.raises(BundleError, match="lead out of the folder"):
        read_manifest(folder, KIND)


@pytest.mark.parametrize(
    "files", [["a.txt"], {"a.txt": None}, {"a.txt": {"size": 5}}, {"a.txt": {"size": "x"}}, 3]
)
def test_a_malformed_list_of_files_is_refused(folder: Path, files: object) -> None:
    resign(folder, files=files)
    with pytest.raises(BundleError, match="list of files"):
        read_manifest(folder, KIND)


def test_a_newer_format_names_the_way_out(folder: Path) -> None:
    resign(folder, format_version=3, multiprot_version="9.1")
    with pytest.raises(BundleError, match=r"version 3, this multiprot reads 1 to 2.*9\.1, upgrade"):
        read_manifest(folder, KIND)


@pytest.mark.parametrize("version", [0, -1, 99])
def test_an_impossible_format_version_is_refused(folder: Path, version: int) -> None:
    resign(folder, format_version=version)
    with pytest.raises(BundleError, match=f"format version {version}"):
        read_manifest(folder, KIND)


def test_another_format_is_refused(folder: Path) -> None:
    resign(folder, format="something-else")
    with pytest.raises(BundleError, match="'something-else', expected 'test-folder'"):
        read_manifest(folder, KIND)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b"{", b"null", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(folder: Path, content: bytes) -> None:
    (folder / KIND.file_name).write_bytes(content)
    with pytest.raises(BundleError, match=r"index\.json: "):
        read_manifest(folder, KIND)


def test_missing_folder_file_and_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such folder"):
        read_manifest(tmp_path / "nowhere", KIND)
    (tmp_path / "file").write_text("x")
    with pytest.raises(BundleError, match="is a file, a folder is needed"):
        read_manifest(tmp_path / "file", KIND)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleError, match=r"no plain file index\.json"):
        read_manifest(tmp_path / "empty", KIND)


@pytest.mark.parametrize("header", [{"x": float("nan")}, {"x": {1, 2}}, {"files": 1}])
def test_a_header_that_is_not_plain_json_is_refused(
    tmp_path: Path, header: dict[str, object]
) -> None:
    with pytest.raises(BundleError, match="header"):
        write_manifest(tmp_path, KIND, header, [])
