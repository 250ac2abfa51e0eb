from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from multiprot.data import Corpus, CorpusWriter
from multiprot.data.assembly import UNSPLIT, Assembly, Knowledge
from multiprot.data.build_report import ReportWriter
from multiprot.data.corpus_format import REPORT
from multiprot.data.exclusion import Exclusion
from multiprot.data.split_table import Place
from multiprot.errors import DataError
from multiprot.proteins import FeatureSpan, ProteinRecord

TERM = "GO:9101000"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


class Bench:
    """An assembly with its writer and report."""

    def __init__(self, folder: Path, knowledge: Knowledge) -> None:
        self.folder = folder
        self.writer = CorpusWriter(folder)
        self.report = ReportWriter(folder)
        self.assembly = Assembly(knowledge, self.writer, self.report)

    def add(self, protein: str, sequence: str = "MKTAY") -> bool:
        record = ProteinRecord(id=protein, sequence=sequence)
        return self.assembly.add(record, "sequence", "a.fasta")

    def finish(self) -> tuple[Corpus, list[dict[str, str]]]:
        self.report.__exit__(None, None, None)
        self.writer.finish()
        return Corpus.open(self.folder), pq.read_table(self.folder / REPORT).to_pylist()


@pytest.fixture
def exclusion(tmp_path: Path) -> Exclusion:
    path = tmp_path / "screen.tsv"
    path.write_text("protein_id\ttask\nP1\tstability\nP1\tother\n")
    return Exclusion.read(path)


def test_what_tables_say_is_added(folder: Path) -> None:
    spans = (FeatureSpan(0, 2, "motif", "x"),)
    knowledge = Knowledge(
        terms={"P1": frozenset({TERM})},
        denied={"P1": frozenset({"GO:9101001"})},
        spans={"P1": spans},
        splits={"P1": Place("valid", "A"), "P2": Place("train", "B")},
    )
    bench = Bench(folder, knowledge)
    assert bench.add("P1")
    assert bench.add("P2", "GGG")
    corpus, _ = bench.finish()
    first, second = corpus.read([0, 1])
    assert first.go_terms == {TERM}
    assert first.not_go_terms == {"GO:9101001"}
    assert first.features == spans
    assert second.go_terms is None
    assert corpus.splits.tolist() == ["valid", "train"]


def test_without_splits_all_belong_to_one(folder: Path) -> None:
    bench = Bench(folder, Knowledge())
    bench.add("P1")
    corpus, _ = bench.finish()
    assert corpus.splits.tolist() == [UNSPLIT.split]


def test_a_protein_without_split_is_refused(folder: Path) -> None:
    bench = Bench(folder, Knowledge(splits={"P1": Place("train")}))
    assert bench.add("P1")
    assert not bench.add("P2")
    corpus, rows = bench.finish()
    assert corpus.ids == ("P1",)
    assert (rows[1]["record"], rows[1]["outcome"], rows[1]["reason"]) == (
        "P2",
        "refused",
        "no split",
    )


def test_an_excluded_protein_is_refused_and_counted(folder: Path, exclusion: Exclusion) -> None:
    bench = Bench(
        folder, Knowledge(splits={"P1": Place("test"), "P2": Place("train")}, exclusion=exclusion)
    )
    assert not bench.add("P1")
    assert bench.add("P2")
    _, rows = bench.finish()
    assert rows[0]["reason"] == "excluded"
    assert rows[0]["detail"] == "too close to tests of other, stability"
    assert exclusion.summary()["left_out"]["test"] == 1


def test_an_excluded_protein_without_split_counts_as_unassigned(
    folder: Path, exclusion: Exclusion
) -> None:
    bench = Bench(folder, Knowledge(splits={"P2": Place("train")}, exclusion=exclusion))
    bench.add("P1")
    assert exclusion.summary()["left_out"]["unassigned"] == 1


def test_a_span_beyond_the_sequence_refuses_the_record(folder: Path) -> None:
    bench = Bench(folder, Knowledge(spans={"P1": (FeatureSpan(0, 6, "domain", "d"),)}))
    assert not bench.add("P1")
    assert bench.add("P2")
    _, rows = bench.finish()
    assert rows[0]["reason"] == "contradiction"
    assert "feature domain 'd' ends at 6, beyond the sequence of 5" in rows[0]["detail"]


def test_a_leak_stops_the_build(folder: Path) -> None:
    bench = Bench(folder, Knowledge(splits={"P1": Place("train"), "P2": Place("test")}))
    bench.add("P1")
    with pytest.raises(DataError, match=r"leak: P1 \(train\) and P2 \(test\)"):
        bench.add("P2")


def test_a_refused_protein_does_not_leak(folder: Path, exclusion: Exclusion) -> None:
    bench = Bench(
        folder, Knowledge(splits={"P1": Place("train"), "P2": Place("test")}, exclusion=exclusion)
    )
    assert not bench.add("P1")
    assert bench.add("P2")


def test_annotated_proteins_without_record_are_counted(folder: Path) -> None:
    bench = Bench(folder, Knowledge(terms={"P1": frozenset({TERM}), "P9": frozenset()}))
    bench.add("P1")
    assert bench.assembly.unused() == {"annotated_without_record": 1}
