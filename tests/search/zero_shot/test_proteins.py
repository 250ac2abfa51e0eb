"""Proteins from files and from stores, in the space of GO terms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multiprot.bundle import Bundle, load_bundle
from multiprot.embedding import Embedder, EmbedOptions
from multiprot.errors import EmbeddingError, MultiprotError, SearchError
from multiprot.proteins import ProteinRecord, write_fasta
from multiprot.search.zero_shot import SharedVectors
from multiprot.search.zero_shot.proteins import PROTEINS_AT_ONCE
from tests.search.stores import embed
from tests.search.zero_shot.models import save_annotating_bundle

OPTIONS = EmbedOptions(space="shared")


@pytest.fixture(scope="module")
def records(tiny_records: tuple[ProteinRecord, ...]) -> list[ProteinRecord]:
    return [ProteinRecord(id=r.id, sequence=r.sequence) for r in tiny_records]


@pytest.fixture(scope="module")
def store(
    records: list[ProteinRecord], annotating: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("stores") / "shared"
    return embed(records, annotating, out, "--space", "shared")


def fasta(path: Path, *records: ProteinRecord) -> str:
    write_fasta(records, path)
    return str(path)


def test_files_and_store_are_the_same(
    bundle: Bundle, records: list[ProteinRecord], store: Path, tmp_path: Path
) -> None:
    wanted = Embedder.from_bundle(bundle, options=OPTIONS).embed(records)
    for name in (fasta(tmp_path / "a.fasta", *records), str(store)):
        source = SharedVectors([name], bundle)
        (part,) = source.parts()
        assert part.ids == wanted.ids
        assert part.sequence_hashes == wanted.sequence_hashes
        np.testing.assert_allclose(part.vectors, wanted.vectors, atol=1e-6)
        assert source.refused == []


def test_parts_are_small(bundle: Bundle, tmp_path: Path) -> None:
    same = [ProteinRecord(id=f"p{n}", sequence="MKV") for n in range(PROTEINS_AT_ONCE + 3)]
    parts = list(SharedVectors([fasta(tmp_path / "a.fasta", *same)], bundle).parts())
    assert [len(part.ids) for part in parts] == [PROTEINS_AT_ONCE, 3]
    assert [name for part in parts for name in part.ids] == [r.id for r in same]


def test_what_cannot_be_used_is_listed(
    bundle: Bundle, records: list[ProteinRecord], tmp_path: Path
) -> None:
    one, other = tmp_path / "one.fasta", tmp_path / "other.fasta"
    fasta(one, *records[:3])
    other.write_text(f">{records[1].id}\nMKV\n>spoilt\nMK4V\n>new\nMKV\n")
    source = SharedVectors([str(one), str(other)], bundle)
    (part,) = source.parts()
    assert part.ids == (*(r.id for r in records[:3]), "new")
    (repeated, spoilt) = source.refused
    assert repeated.id == records[1].id
    assert "one.fasta" in repeated.reason
    assert "other.fasta" in repeated.reason
    assert "spoilt" in spoilt.id


def test_strict_stops_at_the_first(
    bundle: Bundle, records: list[ProteinRecord], tmp_path: Path
) -> None:
    path = fasta(tmp_path / "a.fasta", *records[:2])
    with pytest.raises(EmbeddingError, match="again in"):
        list(SharedVectors([path, path], bundle, strict=True).parts())


@pytest.mark.parametrize("text", ["", ">a\nMK4V\n"])
def test_not_a_single_protein(bundle: Bundle, tmp_path: Path, text: str) -> None:
    (tmp_path / "a.fasta").write_text(text)
    with pytest.raises(MultiprotError, match=r"a\.fasta"):
        list(SharedVectors([str(tmp_path / "a.fasta")], bundle).parts())


def test_stores_that_do_not_fit(
    bundle: Bundle,
    records: list[ProteinRecord],
    store: Path,
    annotating: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(SearchError, match="name it alone"):
        SharedVectors([str(store), str(store)], bundle)
    pooled = embed(records[:1], annotating, tmp_path / "pooled")
    with pytest.raises(SearchError, match=r"space is 'protein'.*--space shared"):
        SharedVectors([str(pooled)], bundle)
    other = load_bundle(save_annotating_bundle(tmp_path / "other", seed=1))
    with pytest.raises(SearchError, match=r"by model tiny .* not by tiny .*embed with"):
        SharedVectors([str(store)], other)


def test_a_store_tells_whom_it_refused(bundle: Bundle, annotating: Path, tmp_path: Path) -> None:
    from multiprot.cli.main import main

    (tmp_path / "a.fasta").write_text(">a\nMKV\n>b\nMK4V\n")
    command = ["embed", str(tmp_path / "a.fasta"), "--model", str(annotating)]
    assert main([*command, "--space", "shared", "--out", str(tmp_path / "store")]) == 0
    source = SharedVectors([str(tmp_path / "store")], bundle)
    (part,) = source.parts()
    assert part.ids == ("a",)
    assert ["b" in failure.id for failure in source.refused] == [True]
