"""Damaged shards are found, made again, and the store is the same byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from multiprot.embedding import EmbeddingStore
from multiprot.errors import EmbeddingError
from tests.embedding.fake_model import Passes
from tests.embedding.ledger.runs import content_of, embedded, entries, fasta, small
from tests.embedding.ledger.test_resume import StopAtError, breaks_at

PROTEINS = entries(14, seed=4)
TWINS = [*PROTEINS, ("twin", PROTEINS[5][1])]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def read_all(out: Path) -> None:
    store = EmbeddingStore.open(out)
    store.vectors()
    list(store.ledger())


DAMAGE = pytest.mark.parametrize("damage", [flip, cut, Path.unlink], ids=["flip", "cut", "gone"])
FILES = pytest.mark.parametrize("name", ["vectors-00001.parquet", "_ledger/00001.parquet"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return fasta(tmp_path / "in.fasta", TWINS)


@DAMAGE
@FILES
def test_of_a_finished_store(
    path: Path, tmp_path: Path, damage: Callable[[Path], None], name: str
) -> None:
    out, passes = tmp_path / "out", Passes()
    embedded(path, out)
    whole = content_of(out)
    damage(out / name)
    with pytest.raises(EmbeddingError, match=name):
        read_all(out)
    summary = embedded(path, out, small(passes), resume=True)
    assert sorted(passes.ids) == ["p4", "p5", "p6", "p7"]
    assert list(summary.redone) == [1]
    assert name in summary.redone[1]
    assert any("shard 1 was made again" in warning for warning in summary.warnings)
    assert content_of(out) == whole


@DAMAGE
@FILES
def test_of_a_store_in_the_making(
    path: Path, tmp_path: Path, damage: Callable[[Path], None], name: str
) -> None:
    """The damaged shard is the home of a twin that is still to come."""
    out, passes = tmp_path / "out", Passes()
    with pytest.raises(StopAtError):
        embedded(path, out, breaks_at("p12"))
    damage(tmp_path / "out.unfinished" / name)
    summary = embedded(path, out, small(passes), resume=True)
    assert sorted(passes.ids) == sorted(["p4", "p5", "p6", "p7", "p12", "p13"])
    assert list(summary.redone) == [1]
    embedded(path, tmp_path / "whole")
    assert content_of(out) == content_of(tmp_path / "whole")


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"[]", b"{}", b"null", b'{"files": 3}', b'{"files": {"x": {}}}', b"\xff{"],
)
def test_a_completion_record_that_cannot_be_read(
    path: Path, tmp_path: Path, content: bytes
) -> None:
    out = tmp_path / "out"
    with pytest.raises(StopAtError):
        embedded(path, out, breaks_at("p12"))
    (tmp_path / "out.unfinished" / "_shards" / "00002.json").write_bytes(content)
    summary = embedded(path, out, resume=True)
    assert list(summary.redone) == [2]
    embedded(path, tmp_path / "whole")
    assert content_of(out) == content_of(tmp_path / "whole")


def test_a_run_whose_settings_cannot_be_read_says_so(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StopAtError):
        embedded(path, tmp_path / "out", breaks_at("p12"))
    (tmp_path / "out.unfinished" / "_run.json").write_bytes(b"{")
    with pytest.raises(EmbeddingError, match=r"_run\.json: cannot be read as JSON"):
        embedded(path, tmp_path / "out", resume=True)


def test_leftovers_do_not_count(path: Path, tmp_path: Path) -> None:
    """Files of a shard that was never recorded, of no shard at all, and half-written ones."""
    out, grown = tmp_path / "out", tmp_path / "out.unfinished"
    with pytest.raises(StopAtError):
        embedded(path, out, breaks_at("p12"))
    (grown / "_work").mkdir(exist_ok=True)
    shard = (grown / "vectors-00000.parquet").read_bytes()
    leftovers = [
        "_work/vectors-00003.parquet",
        "_work/00003.parquet",
        "_work/seen.sqlite",
        "vectors-00003.parquet",
        "_ledger/00003.parquet",
        "vectors-00099.parquet",
        "._manifest.json.x7",
        "_shards/.00003.json.x8",
    ]
    for name in leftovers:
        (grown / name).write_bytes(shard)
    embedded(path, out, resume=True)
    embedded(path, tmp_path / "whole")
    assert content_of(out) == content_of(tmp_path / "whole")


def test_a_store_with_a_broken_index_or_manifest_is_mended_or_named(
    path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    embedded(path, out)
    whole = content_of(out)
    flip(out / "_ids.npy")
    embedded(path, out, resume=True)
    assert content_of(out) == whole
    flip(out / "_manifest.json")
    with pytest.raises(EmbeddingError, match=r"_manifest\.json"):
        embedded(path, out, resume=True)
