from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.data import Corpus, build_corpus
from multiprot.data.summary import LENGTH_EDGES, summarize
from multiprot.data.summary_text import summary_lines, table
from multiprot.ontology import NAMESPACES
from multiprot.proteins import ProteinRecord

Pairs = list[tuple[ProteinRecord, str]]
WriteCorpus = Callable[..., Corpus]


@pytest.fixture(scope="module")
def summary(corpus: Corpus) -> dict[str, Any]:
    return summarize(corpus)


def test_it_is_json(summary: dict[str, Any]) -> None:
    assert json.loads(json.dumps(summary)) == summary


def test_counts_by_split(summary: dict[str, Any], pairs: Pairs) -> None:
    for split, counts in summary["splits"].items():
        records = [record for record, where in pairs if where == split]
        assert counts == {
            "proteins": len(records),
            "residues": sum(map(len, records)),
            "structures": sum(r.structure is not None for r in records),
            "annotated": sum(bool(r.go_terms) for r in records),
            "structures_and_annotated": sum(
                r.structure is not None and bool(r.go_terms) for r in records
            ),
        }


def test_every_length_is_in_one_bin(lengths_corpus: Callable[..., Corpus]) -> None:
    lengths = [1, 49, 50, 99, 100, 1199, 1200, 5000]
    found = summarize(lengths_corpus(lengths))["lengths"]
    counts = {entry["from"]: entry["proteins"] for entry in found["histogram"]}
    assert list(counts) == list(LENGTH_EDGES)
    assert {start: n for start, n in counts.items() if n} == {1: 2, 50: 2, 100: 1, 800: 1, 1200: 2}
    assert (found["min"], found["max"]) == (1, 5000)
    assert found["percentiles"]["50"] == np.median(lengths)


def test_go_coverage_counts_known_proteins(
    summary: dict[str, Any], corpus: Corpus, pairs: Pairs
) -> None:
    ontology = corpus.ontology
    assert ontology is not None
    for index, namespace in enumerate(NAMESPACES):
        found = summary["go"]["namespaces"][str(namespace)]
        seen: set[str] = set()
        known = dict.fromkeys(("train", "valid", "test"), 0)
        for record, split in pairs:
            true = {
                term
                for term in ontology.propagate(record.go_terms or ())
                if ontology.namespace_index[ontology.row(term)] == index
            }
            seen |= true
            known[split] += bool(true - set(ontology.roots))
        assert found == {"terms": len(seen), **known}


def test_a_corpus_without_go_says_so(write_corpus: WriteCorpus, pairs: Pairs) -> None:
    summary = summarize(write_corpus(pairs, go=None))
    assert summary["go"] is None
    assert "no ontology" in summary_lines(summary)


def test_shared_sequences_are_found(write_corpus: WriteCorpus) -> None:
    rows = [("a", "MKT", "train"), ("b", "MKT", "test"), ("c", "MKV", "test"), ("d", "G", "valid")]
    pairs = [(ProteinRecord(id=i, sequence=s), split) for i, s, split in rows]
    summary = summarize(write_corpus(pairs, go=None))
    assert summary["overlap"] == {"train/valid": 0, "train/test": 1, "valid/test": 0}


def test_a_build_tells_what_it_left_out(raw: Any, tmp_path: Path) -> None:
    screen = tmp_path / "screen.tsv"
    screen.write_text(f"protein_id\ttask\n{next(iter(raw.records))}\tstability\n")
    (raw.structures / "notes.txt").write_text("hello")
    summary = summarize(build_corpus(raw.build_options(exclude=screen), tmp_path / "out"))
    assert summary["exclusion"]["left_out"]["train"] == 1
    text = "\n".join(summary_lines(summary))
    assert "left out by screen.tsv: train 1" in text
    assert "for the tasks stability" in text
    assert "1 not a structure" in text
    assert "1 excluded" in text


def test_text_shows_the_figures(summary: dict[str, Any]) -> None:
    text = "\n".join(summary_lines(summary))
    assert summary["content_hash"][:16] in text
    for counts in summary["splits"].values():
        assert f"{counts['residues']:,}" in text
    assert "no exclusion list was applied" in text
    assert "molecular_function" in text


def test_bars_are_as_long_as_their_share(lengths_corpus: Callable[..., Corpus]) -> None:
    lines = summary_lines(summarize(lengths_corpus([10] * 400 + [60] * 200 + [120])))
    bars = [line.count("█") for line in lines if "–" in line]
    assert bars[:4] == [40, 20, 0, 0]
    (barely,) = (line for line in lines if line.lstrip().startswith("100–"))
    assert barely.endswith("▏")


def test_tables_are_aligned() -> None:
    lines = list(table(["name", "count"], [["a", 1], ["bcdef", 12_345]]))
    assert lines == ["name    count", "a           1", "bcdef  12,345"]
