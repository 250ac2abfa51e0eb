"""A run that dies at any touch of the disk is resumed to the very same store."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from multiprot.embedding import EmbeddingStore
from multiprot.errors import EmbeddingError
from tests.embedding.ledger.crashes import dying_at, survives
from tests.embedding.ledger.runs import content_of, embedded, entries, fasta, small

OLD = {"model": {"content_hash": "old"}}
EVERY = pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.long)])
"""A fifth of the moments, and in the long campaign all."""


@pytest.fixture(autouse=True)
def quick_collection() -> Iterator[None]:
    """Collecting the garbage of a dead run looks at nothing older."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Three shards: a repeat of the first in the last, and one that is refused."""
    proteins = [*entries(9, seed=1), ("again", "ACD"), ("bad", "A1")]
    return fasta(tmp_path / "in.fasta", [("first", "ACD"), *proteins])


@pytest.fixture
def whole(path: Path, tmp_path: Path) -> dict[str, bytes]:
    """The files of an undisturbed run."""
    embedded(path, tmp_path / "whole")
    return content_of(tmp_path / "whole")


def touches_of(act: Callable[[], object]) -> int:
    with dying_at(None) as disk:
        act()
    return disk.touches


def places(tmp_path: Path, count: int, step: int) -> Iterator[tuple[int, Path]]:
    """An empty folder for every `step`th touch."""
    for fatal in range(0, count, step):
        folder = tmp_path / "try"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield fatal, folder / "out"


def begun(out: Path) -> bool:
    """Whether there is anything to resume of the new store, or it is there already."""
    grown = out.with_name("out.unfinished")
    if out.exists() and EmbeddingStore.open(out).manifest["model"]["content_hash"] == "fake":
        return True
    return (grown / "_run.json").exists() or (grown / "_manifest.json").exists()


def only(out: Path) -> list[str]:
    return sorted(path.name for path in out.parent.iterdir())


@EVERY
def test_dying_at_any_touch_of_the_disk(
    path: Path, tmp_path: Path, whole: dict[str, bytes], step: int
) -> None:
    count = touches_of(lambda: embedded(path, tmp_path / "counted"))
    assert count > 60
    for fatal, out in places(tmp_path, count, step):
        assert not survives(partial(embedded, path, out), fatal)
        if out.exists():
            EmbeddingStore.open(out)
        embedded(path, out, resume=True)
        assert content_of(out) == whole, fatal
        assert only(out) == ["out"], fatal


@EVERY
def test_dying_while_a_store_is_replaced(
    path: Path, tmp_path: Path, whole: dict[str, bytes], step: int
) -> None:
    """The old one is whole, or the new one can be finished, or is."""
    embedded(path, tmp_path / "old", small(**OLD))
    old = content_of(tmp_path / "old")
    shutil.copytree(tmp_path / "old", tmp_path / "counted")
    count = touches_of(lambda: embedded(path, tmp_path / "counted", overwrite=True))
    kept = 0
    for fatal, out in places(tmp_path, count, step):
        shutil.copytree(tmp_path / "old", out)
        assert not survives(partial(embedded, path, out, overwrite=True), fatal)
        if out.exists() and content_of(out) == old:
            kept += 1
        if begun(out):
            embedded(path, out, resume=True)
        else:
            assert content_of(out) == old, fatal
            with pytest.raises(EmbeddingError, match="begun with other settings"):
                embedded(path, out, resume=True)
            assert content_of(out) == old, fatal
            embedded(path, out, overwrite=True)
        assert content_of(out) == whole, fatal
        assert only(out) == ["out"], fatal
    assert kept > count // step // 2


@EVERY
def test_dying_while_a_damaged_store_is_mended(
    path: Path, tmp_path: Path, whole: dict[str, bytes], step: int
) -> None:
    def damaged(out: Path) -> Path:
        embedded(path, out)
        (out / "vectors-00001.parquet").write_bytes(b"spoilt")
        return out

    mended = damaged(tmp_path / "counted")
    count = touches_of(lambda: embedded(path, mended, resume=True))
    for fatal, out in places(tmp_path, count, step):
        damaged(out)
        assert not survives(partial(embedded, path, out, resume=True), fatal)
        embedded(path, out, resume=True)
        assert content_of(out) == whole, fatal
        assert only(out) == ["out"], fatal


@pytest.mark.long
def test_dying_again_while_resuming(path: Path, tmp_path: Path, whole: dict[str, bytes]) -> None:
    count = touches_of(lambda: embedded(path, tmp_path / "counted"))
    for first in range(0, count, 7):
        for second, out in places(tmp_path, count, 5):
            survives(partial(embedded, path, out), first)
            with suppress(EmbeddingError):
                survives(partial(embedded, path, out, resume=True), second)
            embedded(path, out, resume=True)
            assert content_of(out) == whole, (first, second)
            assert only(out) == ["out"], (first, second)
