from __future__ import annotations

import json
import multiprocessing
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.data import Corpus
from multiprot.errors import DataError, MultiprotError
from multiprot.ontology import GeneOntology
from multiprot.proteins import ProteinRecord

Pairs = list[tuple[ProteinRecord, str]]
WriteCorpus = Callable[..., Corpus]


@pytest.fixture
def copy(corpus: Corpus, tmp_path: Path) -> Path:
    """A corpus that may be damaged."""
    return Path(shutil.copytree(corpus.path, tmp_path / "copy"))


def test_arrays_describe_the_records(corpus: Corpus, pairs: Pairs) -> None:
    records = [record for record, _ in pairs]
    assert corpus.ids == tuple(record.id for record in records)
    assert corpus.lengths.tolist() == [len(record) for record in records]
    assert corpus.lengths.dtype == np.int64
    assert corpus.splits.tolist() == [split for _, split in pairs]
    assert corpus.has_structure.tolist() == [r.structure is not None for r in records]
    assert corpus.has_go.tolist() == [bool(r.go_terms) for r in records]
    assert len(corpus) == len(pairs)


def test_records_come_as_asked_for(corpus: Corpus, pairs: Pairs) -> None:
    rows = np.random.default_rng(0).integers(0, len(corpus), 100)
    assert corpus.read(rows) == [pairs[row][0] for row in rows]
    assert corpus.read([]) == []


def test_a_tiny_cache_changes_nothing(write_corpus: WriteCorpus, pairs: Pairs) -> None:
    layout = {"rows_per_shard": 9, "rows_per_group": 4}
    small = write_corpus(pairs, "small", cache_bytes=0, **layout)
    assert small.read(range(len(small))) == [record for record, _ in pairs]


def test_rows_of_splits_are_a_partition(corpus: Corpus) -> None:
    parts = [corpus.rows(split) for split in ("train", "valid", "test")]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(corpus)))
    assert all((np.diff(part) > 0).all() for part in parts)
    with pytest.raises(DataError, match="'dev' is not one of"):
        corpus.rows("dev")


def test_rows_by_id(corpus: Corpus) -> None:
    assert [corpus.row(protein) for protein in corpus.ids] == list(range(len(corpus)))
    with pytest.raises(DataError, match="holds no protein 'nobody'"):
        corpus.row("nobody")


@pytest.mark.parametrize("row", [-1, 40])
def test_a_row_outside_is_refused(corpus: Corpus, row: int) -> None:
    with pytest.raises(DataError, match=rf"row {row} is outside 0\.\.39"):
        corpus.read([0, row])


def test_columns_stream_in_order(write_corpus: WriteCorpus, pairs: Pairs) -> None:
    written = write_corpus(pairs, rows_per_shard=11, rows_per_group=3)
    found = list(written.columns("sequence", "id"))
    assert found == [(record.sequence, record.id) for record, _ in pairs]


def test_the_ontology_is_the_one_that_was_given(corpus: Corpus, ontology: GeneOntology) -> None:
    assert corpus.ontology is not None
    assert corpus.ontology.content_hash == ontology.content_hash
    assert corpus.manifest["go"]["content_hash"] == ontology.content_hash
    assert corpus.manifest["go"]["release"] == ontology.release


def test_a_corpus_without_go_has_no_ontology(write_corpus: WriteCorpus, pairs: Pairs) -> None:
    assert write_corpus(pairs, go=None).ontology is None


def test_a_pickled_corpus_reads_on(corpus: Corpus, pairs: Pairs) -> None:
    corpus.read([0])
    content = pickle.dumps(corpus)
    assert len(content) < 100_000
    assert pickle.loads(content).read([5]) == [pairs[5][0]]  # noqa: S301


def _ids(corpus: Corpus, rows: list[int]) -> list[str]:
    return [record.id for record in corpus.read(rows)]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_can_read(corpus: Corpus, method: str) -> None:
    corpus.read([0])
    with multiprocessing.get_context(method).Pool(1) as pool:
        found = pool.apply_async(_ids, (corpus, [3, 1])).get(timeout=60)
    assert found == [corpus.ids[3], corpus.ids[1]]


def test_an_untouched_corpus_verifies(corpus: Corpus) -> None:
    corpus.verify()


def test_what_is_not_a_corpus_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no such corpus folder"):
        Corpus.open(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no such corpus folder"):
        Corpus.open(tmp_path / "file")
    with pytest.raises(DataError, match=r"not a corpus \(no manifest.json\)"):
        Corpus.open(tmp_path / "empty")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "does not describe a corpus"),
        ("{}", "does not describe a corpus"),
        ('{"format": "other"}', "does not describe a corpus"),
        ('{"format": "multiprot-corpus", "format_version": 99}', "corpus format 99"),
        ('{"format": "multiprot-corpus", "format_version": 2}', "lacks"),
    ],
)
def test_a_bad_manifest_is_refused(copy: Path, text: str, message: str) -> None:
    (copy / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=message):
        Corpus.open(copy)


def test_a_binary_manifest_is_refused(copy: Path) -> None:
    (copy / "manifest.json").write_bytes(bytes(range(256)))
    with pytest.raises(MultiprotError, match=r"manifest\.json"):
        Corpus.open(copy)


@pytest.mark.parametrize("name", ["shards/part-00000.parquet", "index.parquet"])
def test_a_cut_or_missing_file_is_found_at_once(copy: Path, name: str) -> None:
    path = copy / name
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match=f"{name}.*truncated or altered"):
        Corpus.open(copy)
    path.unlink()
    with pytest.raises(DataError, match=f"{name}: missing"):
        Corpus.open(copy)


def flip(path: Path, place: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 0x40
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("name", ["shards/part-00000.parquet", "go.obo.gz"])
def test_verify_names_an_altered_file(copy: Path, name: str) -> None:
    flip(copy / name, 0.5)
    opened = Corpus.open(copy)
    with pytest.raises(DataError, match=f"{name}: altered"):
        opened.verify()


def test_an_altered_index_is_found_at_once(copy: Path) -> None:
    flip(copy / "index.parquet", 0.3)
    with pytest.raises(DataError, match=r"index\.parquet: altered"):
        Corpus.open(copy)


def test_an_altered_ontology_is_refused(copy: Path) -> None:
    flip(copy / "go.obo.gz", 0.5)
    opened = Corpus.open(copy)
    with pytest.raises(DataError, match=r"go\.obo\.gz: altered"):
        _ = opened.ontology


def test_a_damaged_shard_is_named_when_read(copy: Path) -> None:
    path = copy / "shards/part-00000.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:8] + bytes(len(content) // 2) + content[len(content) // 2 + 8 :])
    opened = Corpus.open(copy)
    with pytest.raises(DataError, match=r"part-00000\.parquet"):
        opened.read(range(len(opened)))
    with pytest.raises(DataError, match=r"part-00000\.parquet"):
        list(opened.columns("coordinates", "sequence"))


def test_a_shard_from_elsewhere_is_found_by_its_size_or_hash(
    copy: Path, write_corpus: WriteCorpus, pairs: Pairs
) -> None:
    other = write_corpus(pairs[:10], "other")
    shutil.copy(other.path / "shards/part-00000.parquet", copy / "shards/part-00000.parquet")
    with pytest.raises(DataError, match="truncated or altered"):
        Corpus.open(copy)


def test_the_manifest_is_plain_data(corpus: Corpus) -> None:
    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(isinstance(k, str) and plain(v) for k, v in value.items())
        if isinstance(value, list):
            return all(map(plain, value))
        return value is None or isinstance(value, str | int | float | bool)

    assert plain(corpus.manifest)
    assert json.loads(json.dumps(corpus.manifest)) == corpus.manifest
