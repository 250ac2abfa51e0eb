"""A run is taken up only by the same run; what is finished is not done again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from multiprot.embedding import Embedder, EmbeddingStore
from multiprot.errors import EmbeddingError, OutputExistsError
from multiprot.proteins import ProteinRecord
from tests.embedding.fake_model import Passes
from tests.embedding.ledger.runs import content_of, embedded, entries, fasta, small

PROTEINS = entries(22, seed=3)
"""Six shards of at most four."""


class StopAtError(RuntimeError):
    """The device is gone."""


def breaks_at(name: str) -> Embedder:
    """An embedder whose device fails for good at a protein."""

    def hook(records: Sequence[ProteinRecord]) -> None:
        if any(record.id == name for record in records):
            raise StopAtError("CUDA error: unspecified launch failure")

    return small(hook)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return fasta(tmp_path / "in.fasta", PROTEINS)


@pytest.fixture
def begun(path: Path, tmp_path: Path) -> Path:
    """A store of which three shards are finished."""
    with pytest.raises(StopAtError):
        embedded(path, tmp_path / "out", breaks_at("p13"))
    assert (tmp_path / "out.unfinished").is_dir()
    assert not (tmp_path / "out").exists()
    return tmp_path / "out"


def test_only_what_is_missing_is_computed(path: Path, begun: Path, tmp_path: Path) -> None:
    passes = Passes()
    summary = embedded(path, begun, small(passes), resume=True)
    assert sorted(passes.ids) == sorted(f"p{i}" for i in range(12, 22))
    assert (summary.skipped, summary.computed, summary.redone) == (12, 10, {})
    embedded(path, tmp_path / "whole")
    assert content_of(begun) == content_of(tmp_path / "whole")


def test_what_was_begun_is_neither_forgotten_nor_overwritten_unasked(
    path: Path, begun: Path
) -> None:
    before = content_of(begun.with_name("out.unfinished"))
    with pytest.raises(OutputExistsError, match=r"out\.unfinished: .* --resume, or .*--overwrite"):
        embedded(path, begun)
    assert content_of(begun.with_name("out.unfinished")) == before
    passes = Passes()
    embedded(path, begun, small(passes), overwrite=True)
    assert len(passes.ids) == len(PROTEINS)


@pytest.mark.parametrize(
    ("other", "settings", "told"),
    [
        ({"model": {"content_hash": "new"}}, {}, r"model\.content_hash was 'fake', is 'new'"),
        ({"tokens_per_batch": 99}, {}, r"options\.tokens_per_batch was None, is 99"),
        ({"shard_proteins": 5}, {}, r"options\.shard_proteins was 4, is 5"),
        ({"max_residues": 7, "window_overlap": 2}, {}, r"max_residues was None, is 7"),
        ({}, {"residues": True}, "residues was False, is True"),
    ],
)
def test_another_run_is_refused_with_what_differs(
    path: Path, begun: Path, other: dict[str, Any], settings: dict[str, Any], told: str
) -> None:
    before = content_of(begun.with_name("out.unfinished"))
    with pytest.raises(EmbeddingError, match=f"begun with other settings .*{told}"):
        embedded(path, begun, small(**other), resume=True, **settings)
    assert content_of(begun.with_name("out.unfinished")) == before
    embedded(path, begun, resume=True)
    with pytest.raises(EmbeddingError, match=f"begun with other settings .*{told}"):
        embedded(path, begun, small(**other), resume=True, **settings)
    assert len(EmbeddingStore.open(begun)) == 22


CHANGES = [
    ("a residue", [("p0", PROTEINS[0][1] + "A"), *PROTEINS[1:]], "shard 0 was made of other input"),
    (
        "an id",
        [*PROTEINS[:9], ("new", PROTEINS[9][1]), *PROTEINS[10:]],
        "shard 2 was made of other",
    ),
    ("the order", [PROTEINS[1], PROTEINS[0], *PROTEINS[2:]], "shard 0 was made of other input"),
    ("one more", [("new", "ACD"), *PROTEINS], "shard 0 was made of other input"),
    ("cut", PROTEINS[:7], "shard 1 was made of other input"),
    ("cut between shards", PROTEINS[:8], "shard 2 is finished, but the input ends before it"),
]


@pytest.mark.parametrize(("what", "proteins", "told"), CHANGES, ids=[c[0] for c in CHANGES])
def test_input_that_changed_is_refused_and_can_be_put_right(
    path: Path, begun: Path, tmp_path: Path, what: str, proteins: Any, told: str
) -> None:
    before = content_of(begun.with_name("out.unfinished"))
    fasta(path, proteins)
    with pytest.raises(EmbeddingError, match=f"{told}.*restore it, or start anew"):
        embedded(path, begun, resume=True)
    assert content_of(begun.with_name("out.unfinished")) == before
    fasta(path, PROTEINS)
    embedded(path, begun, resume=True)
    embedded(path, tmp_path / "whole")
    assert content_of(begun) == content_of(tmp_path / "whole")


@pytest.mark.parametrize(
    "proteins",
    [*(c[1] for c in CHANGES), [*PROTEINS, ("new", "ACD")]],
    ids=[*(c[0] for c in CHANGES), "appended"],
)
def test_a_finished_store_is_kept_from_other_input(
    path: Path, tmp_path: Path, proteins: Any
) -> None:
    embedded(path, tmp_path / "out")
    before = content_of(tmp_path / "out")
    fasta(path, proteins)
    with pytest.raises(EmbeddingError, match="the input changed since the run was begun"):
        embedded(path, tmp_path / "out", resume=True)
    assert content_of(tmp_path / "out") == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.fasta", "out"]


def test_what_is_appended_to_the_input_of_an_unfinished_run_is_taken(
    path: Path, begun: Path, tmp_path: Path
) -> None:
    """Nothing that is finished saw its end."""
    fasta(path, [*PROTEINS, ("new", "ACD")])
    embedded(path, begun, resume=True)
    embedded(path, tmp_path / "whole")
    assert content_of(begun) == content_of(tmp_path / "whole")


def test_a_finished_store_is_checked_and_left_alone(path: Path, tmp_path: Path) -> None:
    out, passes = tmp_path / "out", Passes()
    first = embedded(path, out, residues=True)
    before = {p: p.stat().st_mtime_ns for p in sorted(out.rglob("*"))}
    summary = embedded(path, out, small(passes), resume=True, residues=True)
    assert passes.ids == []
    assert (summary.computed, summary.skipped, summary.redone) == (0, 22, {})
    assert summary.manifest == first.manifest
    assert {p: p.stat().st_mtime_ns for p in sorted(out.rglob("*"))} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.fasta", "out"]


def test_resume_may_be_asked_for_from_the_start(path: Path, tmp_path: Path) -> None:
    embedded(path, tmp_path / "out", resume=True)
    embedded(path, tmp_path / "whole")
    assert content_of(tmp_path / "out") == content_of(tmp_path / "whole")


def test_moved_input_and_another_device_are_no_other_run(path: Path, begun: Path) -> None:
    moved = path.rename(path.with_name("moved.fasta"))
    embedded(moved, begun, resume=True)
    assert len(EmbeddingStore.open(begun)) == 22
