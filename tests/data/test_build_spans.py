"""Building a corpus from UniProt's features, and with derived spans."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from multiprot.data import Corpus, build_corpus
from multiprot.data.assembly import Assembly, Knowledge
from multiprot.data.build_report import ReportWriter
from multiprot.data.corpus_writer import CorpusWriter
from multiprot.errors import FileFormatError
from multiprot.proteins import FeatureSpan, ProteinRecord
from multiprot.proteins.derived_spans import DERIVED_KINDS, derived_spans

Raw = Any


def records(corpus: Corpus) -> dict[str, ProteinRecord]:
    return {record.id: record for record in corpus.read(range(len(corpus)))}


def with_binding_residues(raw: Raw) -> None:
    """Two metal-binding residues near the start of every protein, and a third one further on."""
    path = raw.folder / "features.tsv"
    rows = [
        f"{protein}\tbinding_metal\t{place}\t{place}\t-"
        for protein in raw.records
        for place in (3, 6, 20)
    ]
    path.write_text("\n".join([path.read_text().rstrip("\n"), *rows, ""]))


def test_spans_are_derived_only_where_asked_for(raw: Raw, tmp_path: Path) -> None:
    with_binding_residues(raw)
    plain = build_corpus(raw.build_options(), tmp_path / "plain")
    more = build_corpus(raw.build_options(derive_spans=True), tmp_path / "more")
    assert plain.content_hash != more.content_hash
    assert plain.manifest["options"]["derive_spans"] is False
    assert more.manifest["options"]["derive_spans"] is True
    derived: Counter[str] = Counter()
    for protein, record in records(more).items():
        added = derived_spans(record.sequence, record.features)
        assert {"derived_motif", "derived_region"} == {span.kind for span in added}
        given = tuple(span for span in record.features if span.kind not in DERIVED_KINDS)
        assert tuple(sorted(given + added)) == record.features
        assert replace(record, features=given) == records(plain)[protein]
        derived.update(span.kind for span in added)
    account = more.manifest["annotation"]
    assert {kind: account[kind] for kind in DERIVED_KINDS} == derived
    assert not set(DERIVED_KINDS) & plain.manifest["annotation"].keys()


def test_the_option_changes_nothing_where_nothing_is_derived(raw: Raw, tmp_path: Path) -> None:
    sequence = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVG"
    fasta = tmp_path / "plain.fasta"
    fasta.write_text(f">p\n{sequence}\n")
    nothing: dict[str, Any] = dict.fromkeys(
        ("structures", "annotations", "ontology", "features", "splits")
    )
    built = [
        build_corpus(
            raw.build_options(**nothing, sequences=fasta, derive_spans=on), tmp_path / f"{on}"
        )
        for on in (False, True)
    ]
    assert built[0].content_hash == built[1].content_hash
    assert built[1].manifest["annotation"]["derived_motif"] == 0
    assert built[1].manifest["annotation"]["derived_region"] == 0


def test_derived_spans_of_refused_proteins_are_not_counted(tmp_path: Path) -> None:
    spans = tuple(FeatureSpan(place, place + 1, "binding_metal", "-") for place in (1, 3, 6))
    beyond = (FeatureSpan(90, 91, "binding_metal", "-"),)
    with CorpusWriter(tmp_path) as writer, ReportWriter(tmp_path) as report:
        knowledge = Knowledge(spans={"P1": spans, "P2": spans + beyond}, derive_spans=True)
        assembly = Assembly(knowledge, writer, report)
        for protein, sequence in (("P1", "MKTAYIAK"), ("P2", "MKTAYIAR")):
            record = ProteinRecord(id=protein, sequence=sequence)
            assert assembly.add(record, "sequence", "a.fasta") == (protein == "P1")
    assert report.outcomes["sequence", "refused", "contradiction"] == 1
    assert assembly.unused() == {
        "annotated_without_record": 0,
        "derived_motif": 1,
        "derived_region": 1,
    }


def uniprot(raw: Raw) -> list[dict[str, Any]]:
    """Entries in UniProt's JSON form that say the same as the table."""
    return [
        {
            "primaryAccession": protein,
            "features": [
                {
                    "type": span.kind,
                    "description": span.name,
                    "location": {"start": {"value": span.start + 1}, "end": {"value": span.stop}},
                }
                for span in record.features
            ],
        }
        for protein, (record, _) in raw.records.items()
    ]


def test_a_corpus_is_built_from_uniprot_features(raw: Raw, tmp_path: Path) -> None:
    entries = uniprot(raw)
    unknown = {"start": {"modifier": "UNKNOWN"}, "end": {"value": 9}}
    entries[0]["features"].append({"type": "Propeptide", "location": unknown})
    path = raw.folder / "features.json"
    path.write_text(json.dumps({"results": entries}))
    corpus = build_corpus(raw.build_options(features=path), tmp_path / "out")
    found = records(corpus)
    assert any(record.features for record in found.values())
    for protein, (record, _) in raw.records.items():
        read = [(span.start, span.stop) for span in found[protein].features]
        assert sorted(read) == [(span.start, span.stop) for span in record.features]
    assert corpus.manifest["annotation"]["features_without_range"] == 1
    assert corpus.manifest["inputs"]["features"]["file"] == "features.json"


def test_a_features_file_of_another_suffix_is_named(raw: Raw, tmp_path: Path) -> None:
    path = raw.folder / "features.csv"
    path.write_text("protein_id\ttype\tstart\tend\tname\n")
    with pytest.raises(FileFormatError, match=r"features\.csv: the suffix tells no form"):
        build_corpus(raw.build_options(features=path), tmp_path / "out")


def test_the_command_has_the_flag(raw: Raw, tmp_path: Path) -> None:
    from multiprot.cli.main import main

    with_binding_residues(raw)
    out = tmp_path / "out"
    assert main([*raw.arguments(out), "--derive-spans"]) == 0
    assert Corpus.open(out).manifest["options"]["derive_spans"] is True
