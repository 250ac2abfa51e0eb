from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from multiprot.data import Corpus, CorpusWriter
from multiprot.data.corpus_format import INDEX_SCHEMA, SHARD_SCHEMA, SPLITS
from multiprot.errors import DataError
from multiprot.files import atomic_folder, sha256
from multiprot.ontology import GeneOntology
from multiprot.proteins import ProteinRecord

Pairs = list[tuple[ProteinRecord, str]]
WriteCorpus = Callable[..., Corpus]


@pytest.mark.parametrize("layout", [(1, 1), (7, 3), (8, 8), (40, 7), (1000, 32)])
def test_the_content_does_not_depend_on_shards_and_groups(
    write_corpus: WriteCorpus, pairs: Pairs, corpus: Corpus, layout: tuple[int, int]
) -> None:
    per_shard, per_group = layout
    written = write_corpus(pairs, rows_per_shard=per_shard, rows_per_group=per_group)
    assert written.content_hash == corpus.content_hash
    assert len(written.manifest["shards"]) == -(-len(pairs) // per_shard)
    assert written.read(range(len(written))) == [record for record, _ in pairs]


def test_the_content_hash_sees_records_splits_order_and_ontology(
    write_corpus: WriteCorpus, pairs: Pairs, ontology: GeneOntology
) -> None:
    (first, split), *rest = pairs
    variants = {
        "same": pairs,
        "record": [(replace(first, id="renamed"), split), *rest],
        "split": [(first, "test"), *rest],
        "order": [*rest, (first, split)],
        "fewer": rest,
    }
    hashes = {name: write_corpus(of, name).content_hash for name, of in variants.items()}
    hashes["ontology"] = write_corpus(pairs, "no-go", go=None).content_hash
    assert len(set(hashes.values())) == len(hashes)


def test_columns_are_those_of_the_format(corpus: Corpus) -> None:
    shard = corpus.path / corpus.manifest["shards"][0]["file"]
    assert pq.read_schema(shard).equals(SHARD_SCHEMA)
    assert pq.read_schema(corpus.path / "index.parquet").equals(INDEX_SCHEMA)


def test_row_groups_are_small_for_random_access(write_corpus: WriteCorpus, pairs: Pairs) -> None:
    written = write_corpus(pairs, rows_per_group=7)
    meta = pq.ParquetFile(written.path / written.manifest["shards"][0]["file"]).metadata
    sizes = [meta.row_group(number).num_rows for number in range(meta.num_row_groups)]
    assert sizes == [7, 7, 7, 7, 7, 5]


def test_counts_are_those_of_the_records(corpus: Corpus, pairs: Pairs) -> None:
    counts = corpus.manifest["counts"]
    assert counts["proteins"] == len(pairs)
    assert counts["residues"] == sum(len(record) for record, _ in pairs)
    for split in SPLITS:
        of_split = [record for record, where in pairs if where == split]
        assert counts["by_split"][split] == {
            "proteins": len(of_split),
            "structures": sum(record.structure is not None for record in of_split),
            "annotated": sum(bool(record.go_terms) for record in of_split),
            "residues": sum(map(len, of_split)),
        }


def test_the_manifest_names_every_file_with_its_hash(corpus: Corpus) -> None:
    manifest = json.loads((corpus.path / "manifest.json").read_text())
    entries = [manifest["index"], manifest["go"], *manifest["shards"]]
    assert {entry["file"] for entry in entries} == {
        str(path.relative_to(corpus.path)) for path in corpus.path.rglob("*") if path.is_file()
    } - {"manifest.json"}
    for entry in entries:
        assert sha256(corpus.path / entry["file"]) == entry["sha256"]


def test_the_same_records_give_the_same_shards(write_corpus: WriteCorpus, pairs: Pairs) -> None:
    first, second = write_corpus(pairs, "first"), write_corpus(pairs, "second")
    assert first.manifest["shards"] == second.manifest["shards"]
    assert first.manifest["index"] == second.manifest["index"]


def test_a_second_record_of_one_id_is_refused(tmp_path: Path) -> None:
    record = ProteinRecord(id="P1", sequence="MKT")
    with CorpusWriter(tmp_path) as writer:
        writer.add(record, "train")
        with pytest.raises(DataError, match="P1: the id occurs twice"):
            writer.add(replace(record, sequence="MKV"), "train")


def test_ids_that_differ_in_case_only_live_side_by_side(write_corpus: WriteCorpus) -> None:
    ids = ["1abc_A", "1abc_a", "1ABC_A"]
    sequences = ["MKT", "GGS", "AAA"]
    records = [ProteinRecord(id=i, sequence=s) for i, s in zip(ids, sequences, strict=True)]
    written = write_corpus([(record, "train") for record in records], go=None)
    assert [record.sequence for record in written.read([2, 0, 1])] == ["AAA", "MKT", "GGS"]
    assert [written.row(i) for i in ids] == [0, 1, 2]


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    with CorpusWriter(tmp_path) as writer, pytest.raises(DataError, match="'dev' is not one of"):
        writer.add(ProteinRecord(id="P1", sequence="MKT"), "dev")


def test_an_empty_corpus_is_refused(tmp_path: Path) -> None:
    with CorpusWriter(tmp_path) as writer, pytest.raises(DataError, match="no records left"):
        writer.finish()


def test_a_failure_on_the_way_leaves_nothing(tmp_path: Path, pairs: Pairs) -> None:
    out = tmp_path / "out"

    def fail_half_way() -> None:
        with atomic_folder(out) as folder, CorpusWriter(folder, rows_per_shard=4) as writer:
            for number, (record, split) in enumerate(pairs):
                if number == 20:
                    raise KeyboardInterrupt
                writer.add(record, split)

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []
