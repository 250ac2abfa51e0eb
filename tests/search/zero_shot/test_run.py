"""From settings to answers, as the command line asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multiprot.bundle import Bundle
from multiprot.data.synthetic_ontology import family_terms
from multiprot.errors import FileFormatError, SearchError, UnknownTermError
from multiprot.ontology import GeneOntology
from multiprot.proteins import ProteinRecord
from multiprot.search.zero_shot import AnnotateOptions, SharedVectors, TermCalibration
from multiprot.search.zero_shot.run import (
    CALIBRATED,
    FREQUENCY,
    MODEL,
    NEIGHBOURS,
    answer_rows,
    calibrate,
    evaluate,
)
from tests.search.stores import embed
from tests.search.zero_shot.models import UNSEEN_LEAF, learnt_ids
from tests.tiny_model import tiny_ontology

LEAF = learnt_ids(tiny_ontology())[0]


@pytest.fixture(scope="module")
def store(
    tiny_records: tuple[ProteinRecord, ...],
    annotating: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    records = [ProteinRecord(id=r.id, sequence=r.sequence) for r in tiny_records]
    out = tmp_path_factory.mktemp("run") / "store"
    return embed(records, annotating, out, "--space", "shared")


@pytest.fixture(scope="module")
def known(
    tiny_records: tuple[ProteinRecord, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Half of the proteins, by two evidence codes."""
    rows = [
        f"{record.id}\t{term}\t{'IDA' if number < 4 else 'IEA'}\n"
        for number, record in enumerate(tiny_records[:8])
        for term in family_terms(number // 3).values()
    ]
    path = tmp_path_factory.mktemp("annotations") / "known.tsv"
    path.write_text("protein_id\tgo_id\tevidence\n" + "".join(rows))
    return path


@pytest.fixture
def source(store: Path, bundle: Bundle) -> SharedVectors:
    return SharedVectors([str(store)], bundle)


def answers(bundle: Bundle, source: SharedVectors, **given: Any) -> list[dict[str, Any]]:
    columns, rows = answer_rows(bundle, source, AnnotateOptions(min_probability=0.0, **given))
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_a_term_asked_twice_is_answered_once(bundle: Bundle, source: SharedVectors) -> None:
    rows = answers(bundle, source, term=(LEAF, LEAF))
    assert [row["rank"] for row in rows] == list(range(1, 13))


def test_terms_in_the_order_asked(bundle: Bundle, source: SharedVectors) -> None:
    rows = answers(bundle, source, term=(UNSEEN_LEAF, LEAF), zero_shot=True, top=1)
    assert [(row["term"], row["basis"]) for row in rows] == [
        (UNSEEN_LEAF, "zero-shot"),
        (LEAF, "learnt"),
    ]


def test_a_calibration_is_used(
    bundle: Bundle, source: SharedVectors, known: Path, tmp_path: Path
) -> None:
    options = AnnotateOptions(calibrate=known)
    made = calibrate(bundle, source, options, known)
    made.save(tmp_path / "made.json")
    assert TermCalibration.load(tmp_path / "made.json") == made
    plain = {(r["protein"], r["term"]): r["probability"] for r in answers(bundle, source)}
    corrected = answers(bundle, source, calibration=tmp_path / "made.json")
    assert any(plain[r["protein"], r["term"]] != r["probability"] for r in corrected)


def test_all_methods_side_by_side(
    bundle: Bundle, source: SharedVectors, store: Path, known: Path, tmp_path: Path
) -> None:
    calibrate(bundle, source, AnnotateOptions(calibrate=known), known).save(tmp_path / "made.json")
    plain, seen = evaluate(bundle, source, AnnotateOptions(evaluate=known), known)
    everything, _ = evaluate(
        bundle,
        source,
        AnnotateOptions(evaluate=known, calibration=tmp_path / "made.json", reference=store, k=2),
        known,
    )
    assert seen == 0
    for space, told in plain.namespaces.items():
        assert list(told["methods"]) == [MODEL, FREQUENCY]
        other = everything.namespaces[space]
        assert list(other["methods"]) == [MODEL, CALIBRATED, FREQUENCY, NEIGHBOURS]
        for method in (MODEL, FREQUENCY):
            assert other["methods"][method] == told["methods"][method]
        assert told["proteins"] == 8


def test_evidence_and_namespaces(bundle: Bundle, source: SharedVectors, known: Path) -> None:
    options = AnnotateOptions(evaluate=known, evidence=("IDA",), namespaces=("P",))
    report, _ = evaluate(bundle, source, options, known)
    assert {s.value: told["proteins"] for s, told in report.namespaces.items()} == {
        "biological_process": 4
    }


def test_unknown_ids_stop_or_are_left_out(
    bundle: Bundle, source: SharedVectors, known: Path, tmp_path: Path
) -> None:
    path = tmp_path / "more.tsv"
    first = next(iter(known.read_text().splitlines()[1:])).split("\t")[0]
    path.write_text(known.read_text() + f"{first}\tGO:7777777\tIDA\n")
    with pytest.raises(UnknownTermError, match=r"more\.tsv: line 26: .*GO:7777777"):
        evaluate(bundle, source, AnnotateOptions(evaluate=path), path)
    skipping = AnnotateOptions(evaluate=path, unknown_terms="skip")
    whole = evaluate(bundle, source, AnnotateOptions(evaluate=known), known)[0]
    assert evaluate(bundle, source, skipping, path)[0] == whole


def test_another_ontology_of_the_same_terms(
    bundle: Bundle, source: SharedVectors, known: Path, tmp_path: Path
) -> None:
    tiny_ontology().write_obo(tmp_path / "go.obo")
    options = AnnotateOptions(evaluate=known, ontology=tmp_path / "go.obo")
    own = evaluate(bundle, source, AnnotateOptions(evaluate=known), known)[0]
    assert evaluate(bundle, source, options, known)[0] == own


def test_an_ontology_without_the_models_terms(
    bundle: Bundle, source: SharedVectors, known: Path, tmp_path: Path
) -> None:
    ontology = tiny_ontology()
    rest = [ontology.term(term) for term in ontology.term_ids if term != LEAF]
    GeneOntology.from_terms(rest).write_obo(tmp_path / "go.obo")
    options = AnnotateOptions(evaluate=known, ontology=tmp_path / "go.obo")
    with pytest.raises(UnknownTermError, match=LEAF):
        evaluate(bundle, source, options, known)


def test_annotations_of_other_proteins(
    bundle: Bundle, source: SharedVectors, tmp_path: Path
) -> None:
    path = tmp_path / "others.tsv"
    path.write_text(f"protein_id\tgo_id\nstranger\t{LEAF}\n")
    with pytest.raises(SearchError, match=r"none of the proteins .*'stranger'"):
        evaluate(bundle, source, AnnotateOptions(evaluate=path), path)
    with pytest.raises(SearchError, match="none of the proteins is annotated"):
        calibrate(bundle, source, AnnotateOptions(calibrate=path), path)


def test_an_empty_list_of_terms(bundle: Bundle, source: SharedVectors, tmp_path: Path) -> None:
    (tmp_path / "terms.txt").write_text("\n")
    with pytest.raises(FileFormatError, match="holds no GO id"):
        answers(bundle, source, terms=tmp_path / "terms.txt")
