"""A bundle that is damaged, forged or incomplete is refused, naming the file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from multiprot.bundle import format as layout
from multiprot.bundle import load_bundle
from multiprot.bundle.manifest import write_manifest
from multiprot.errors import BundleError, MultiprotError
from tests.tiny_model import FILES


@pytest.fixture
def copied(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "copied"))


def resigned(folder: Path, header: dict[str, Any] | None = None) -> Path:
    """The folder with a manifest that fits its present files, as a forger would leave it."""
    old = json.loads((folder / layout.BUNDLE.file_name).read_text())
    kept = {key: old[key] for key in ("multiprot_version", "created_with", "content_hash")}
    (folder / layout.BUNDLE.file_name).unlink()
    names = [path.name for path in folder.iterdir()]
    write_manifest(folder, layout.BUNDLE, {**kept, **(header or {})}, names)
    return folder


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0.0, 0.37, 1.0])
def test_one_flipped_byte_in_any_file_is_refused(copied: Path, name: str, place: float) -> None:
    content = bytearray((copied / name).read_bytes())
    content[int(place * (len(content) - 1))] ^= 0x01
    (copied / name).write_bytes(content)
    with pytest.raises(BundleError, match=name.replace(".", r"\.")):
        load_bundle(copied)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.999])
def test_a_truncated_file_is_refused(copied: Path, name: str, kept: float) -> None:
    content = (copied / name).read_bytes()
    (copied / name).write_bytes(content[: int(kept * len(content))])
    with pytest.raises(BundleError, match=name.replace(".", r"\.")):
        load_bundle(copied)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(copied: Path, name: str) -> None:
    (copied / name).unlink()
    with pytest.raises(BundleError, match=name.replace(".", r"\.")):
        load_bundle(copied)


@pytest.mark.parametrize("name", FILES)
def test_a_link_instead_of_a_file_is_refused(copied: Path, tmp_path: Path, name: str) -> None:
    (copied / name).rename(tmp_path / "outside")
    (copied / name).symlink_to(tmp_path / "outside")
    with pytest.raises(BundleError, match=r"link|no plain file"):
        load_bundle(copied)


def test_a_stray_file_is_never_opened(copied: Path) -> None:
    (copied / "sitecustomize.py").write_text("raise SystemExit('code of the bundle ran')")
    (copied / "plugin.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    assert load_bundle(copied).manifest.unlisted() == ("plugin.pkl", "sitecustomize.py")


def test_a_listed_file_that_is_no_part_of_a_bundle_is_refused(copied: Path) -> None:
    (copied / "hook.py").write_text("print('hello')")
    with pytest.raises(BundleError, match=r"lists hook\.py, which is no part of a model bundle"):
        load_bundle(resigned(copied))


@pytest.mark.parametrize("name", layout.REQUIRED)
def test_a_manifest_without_a_needed_file_is_refused(copied: Path, name: str) -> None:
    (copied / name).unlink()
    with pytest.raises(BundleError, match=f"lists no {name}".replace(".", r"\.")):
        load_bundle(resigned(copied))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (layout.CONFIG, b"model: !!python/object/apply:os.system ['false']\n"),
        (layout.CONFIG, b"model:\n  sequences: {name: x}\n"),
        (layout.CONFIG, b"\xff\xfe"),
        (layout.CONFIG, b""),
        (layout.LOCK, b"{}"),
        (layout.LOCK, b'{"plugins": [{"name": 3}]}'),
        (layout.LOCK, b'{"plugins": [], "surprise": 1}'),
        (layout.LOCK, b"no json"),
        (layout.PROVENANCE, b"[1]"),
        (layout.PROVENANCE, b"{"),
        (layout.MODEL, b"cos\nsystem\n(S'false'\ntR."),
        (layout.ONTOLOGY, b"not gzip"),
        (layout.CARD, b"\xff\xfe\x00"),
    ],
)
def test_a_forged_file_is_one_clear_line(copied: Path, name: str, content: bytes) -> None:
    (copied / name).write_bytes(content)
    with pytest.raises(MultiprotError, match=name.replace(".", r"\.")):
        load_bundle(resigned(copied))


def test_a_tensor_that_does_not_fit_is_named(copied: Path) -> None:
    text = (copied / layout.CONFIG).read_text()
    (copied / layout.CONFIG).write_text(text.replace("shared_dim: 12", "shared_dim: 13"))
    with pytest.raises(
        BundleError, match=r"model\.safetensors: tensor project_protein\S* is \[12,"
    ):
        load_bundle(resigned(copied))


def test_a_lock_of_another_model_is_refused(copied: Path) -> None:
    lock = json.loads((copied / layout.LOCK).read_text())
    lock["plugins"] = [entry for entry in lock["plugins"] if entry["name"] != "term-table"]
    (copied / layout.LOCK).write_text(json.dumps(lock))
    with pytest.raises(BundleError, match=r"lock\.json: does not list 'term-table'"):
        load_bundle(resigned(copied))


def test_another_ontology_is_refused(copied: Path) -> None:
    from multiprot.data.synthetic_ontology import mini_ontology

    mini_ontology(8).save(copied / layout.ONTOLOGY)
    with pytest.raises(BundleError, match=r"ontology\.json\.gz: content hash .* locked to GO"):
        load_bundle(resigned(copied))
