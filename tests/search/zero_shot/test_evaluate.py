"""Figures of annotation are those of the plain functions on whole matrices."""

from __future__ import annotations

import base64
import hashlib
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.bundle import Bundle, TrainingSequences
from multiprot.errors import SearchError
from multiprot.evaluation.go_function import evaluate_go_function, information_accretion
from multiprot.evaluation.reliability import reliability_diagram
from multiprot.ontology import NAMESPACES, term_matrix
from multiprot.search.lookup import AnnotationSource
from multiprot.search.zero_shot import (
    AnnotationReport,
    Annotator,
    KnownTerms,
    evaluate_annotation,
    known_terms,
)
from multiprot.search.zero_shot.exposure import count_trained_on
from multiprot.search.zero_shot.methods import FrequencyScores, ModelScores, ScoringMethod
from multiprot.search.zero_shot.reliability import merged
from tests.search.zero_shot.models import proteins, unit_vectors
from tests.tiny_model import tiny_ontology

ONTOLOGY = tiny_ontology()
EVALUATED, OTHERS, STRANGERS = 40, 25, 6
LEAST = 0.3


def random_truth(seed: int) -> KnownTerms:
    """Terms of p0 … p39 and of proteins that are not evaluated."""
    rng = np.random.default_rng(seed)
    sets = [set(rng.choice(ONTOLOGY.term_ids[3:], size=3)) for _ in range(EVALUATED + OTHERS)]
    names = [*(f"p{n}" for n in range(EVALUATED)), *(f"q{n}" for n in range(OTHERS))]
    return KnownTerms(
        ontology=ONTOLOGY,
        names={name: row for row, name in enumerate(names)},
        true=term_matrix(sets, ONTOLOGY),
    )


def report_of(annotator: Annotator, known: KnownTerms, sizes: list[int]) -> AnnotationReport:
    whole = proteins(unit_vectors(EVALUATED + STRANGERS, seed=6))
    # Strangers have no annotation: p40 and above.
    edges = np.cumsum([0, *sizes, EVALUATED + STRANGERS - sum(sizes)])
    rows = np.arange(EVALUATED + STRANGERS)
    parts = [whole.picked(rows[a:b]) for a, b in itertools.pairwise(edges)]
    methods: dict[str, ScoringMethod] = {
        "model": ModelScores(annotator, ONTOLOGY),
        "frequency": FrequencyScores(annotator, ONTOLOGY),
    }
    return evaluate_annotation(
        methods, parts, known, annotator.rows, min_probability=LEAST, resamples=20
    )


@pytest.mark.parametrize("sizes", [[], [1, 20, 17]])
def test_figures_are_those_of_whole_matrices(bundle: Bundle, sizes: list[int]) -> None:
    annotator, known = Annotator.of_bundle(bundle), random_truth(0)
    report = report_of(annotator, known, sizes)
    assert report.accretion_proteins == OTHERS
    said = annotator.probabilities(unit_vectors(EVALUATED + STRANGERS, seed=6)[:EVALUATED])
    dense = np.zeros((EVALUATED, len(ONTOLOGY)))
    dense[:, annotator.rows] = said.T
    truth = known.true[:EVALUATED]
    accretion = information_accretion(known.true[EVALUATED:], ONTOLOGY)
    plain = evaluate_go_function(dense, truth, ONTOLOGY, accretion=accretion)
    assert set(report.namespaces) == set(NAMESPACES)
    for number, (space, told) in enumerate(report.namespaces.items()):
        figures = told["methods"]["model"]
        for name in ("fmax", "smin", "aupr"):
            assert figures[name] == pytest.approx(plain[space].value(name).value), name
        assert figures["fmax_threshold"] == plain[space].curve().fmax().threshold
        low, high = figures["fmax_interval"]
        assert low <= figures["fmax"] <= high
        assert told["proteins"] == len(plain[space].proteins)
        of_space = ONTOLOGY.namespace_index == number
        known_here = truth[:, of_space & ~_roots()].sum(axis=1) > 0
        columns = annotator.rows[annotator.namespaces == number]
        assert told["terms"] == len(columns)
        labels = truth[:, columns].toarray()[known_here]
        claims = dense[:, columns][known_here]
        whole = reliability_diagram(labels, claims)
        assert figures["expected_calibration_error_all"] == pytest.approx(
            whole.expected_calibration_error
        )
        assert figures["reliability"]["all"]["count"] == whole.count.tolist()
        written = claims >= LEAST
        assert figures["expected_calibration_error_written"] == pytest.approx(
            reliability_diagram(labels[written], claims[written]).expected_calibration_error
        )


def _roots() -> np.ndarray:
    return np.isin(ONTOLOGY.term_ids, ONTOLOGY.roots)


def test_frequency_says_the_same_of_everyone(bundle: Bundle) -> None:
    annotator = Annotator.of_bundle(bundle)
    scores = FrequencyScores(annotator, ONTOLOGY)(proteins(unit_vectors(3))).toarray()
    readout = bundle.load_readout()
    for term_id, prior in zip(readout.term_ids, readout.log_prior.exp().tolist(), strict=True):
        np.testing.assert_allclose(scores[:, ONTOLOGY.row(term_id)], prior, rtol=1e-6)
    assert np.count_nonzero(scores[0]) == len(readout.term_ids)


def test_reliability_rows_are_the_filled_bins(bundle: Bundle) -> None:
    report = report_of(Annotator.of_bundle(bundle), random_truth(1), [])
    rows = list(report.reliability_rows())
    plain = report.to_json()["namespaces"]
    for space, told in plain.items():
        for method, figures in told["methods"].items():
            for pairs in ("all", "written"):
                diagram = figures["reliability"][pairs]
                counts = [] if diagram is None else diagram["count"]
                mine = [row for row in rows if row[:3] == (space, method, pairs)]
                assert [row[-1] for row in mine] == [count for count in counts if count]
                assert all(row[3] <= row[5] <= row[4] for row in mine)


def test_only_some_namespaces(bundle: Bundle) -> None:
    report = report_of(Annotator.of_bundle(bundle), random_truth(1), [])
    assert [s.value for s in report.only(("cellular_component",)).namespaces] == [
        "cellular_component"
    ]
    assert report.only(()) == report


def test_without_others_accretion_is_of_those_evaluated(bundle: Bundle) -> None:
    whole = random_truth(2)
    names = {name: row for name, row in whole.names.items() if row < EVALUATED}
    known = KnownTerms(ontology=ONTOLOGY, names=names, true=whole.true[:EVALUATED])
    assert report_of(Annotator.of_bundle(bundle), known, []).accretion_proteins == EVALUATED


def test_nobody_is_known(bundle: Bundle) -> None:
    annotator = Annotator.of_bundle(bundle)
    part = proteins(unit_vectors(3), "stranger")
    methods: dict[str, ScoringMethod] = {"model": ModelScores(annotator, ONTOLOGY)}
    with pytest.raises(SearchError, match="none of the proteins is among the 65"):
        evaluate_annotation(methods, [part], random_truth(0), annotator.rows)


@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=4), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=25)
def test_diagrams_of_parts_make_the_diagram_of_all(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, claims = rng.random(sum(sizes)) < 0.4, rng.random(sum(sizes))
    edges = np.cumsum([0, *sizes])
    parts = [reliability_diagram(labels[a:b], claims[a:b]) for a, b in itertools.pairwise(edges)]
    whole, joined = reliability_diagram(labels, claims), merged(parts)
    np.testing.assert_array_equal(joined.count, whole.count)
    np.testing.assert_allclose(joined.predicted, whole.predicted)
    np.testing.assert_allclose(joined.observed, whole.observed)


def test_known_terms_go_by_the_file(tmp_path: Path) -> None:
    leaf = ONTOLOGY.term_ids[-1]
    (tmp_path / "a.tsv").write_text(f"protein_id\tgo_id\nP12345\t{leaf}\nother\t{leaf}\n")
    known = known_terms(AnnotationSource(path=tmp_path / "a.tsv", ontology=ONTOLOGY))
    true, annotated = known.of(["sp|P12345|NAME", "nobody"], known.columns(ONTOLOGY.term_ids))
    assert {ONTOLOGY.term_ids[row] for row in np.flatnonzero(true[:, 0])} == ONTOLOGY.propagate(
        [leaf]
    )
    assert not true[:, 1].any()
    space = NAMESPACES.index(ONTOLOGY.namespace(leaf))
    assert annotated[space].tolist() == [True, False]
    assert known.rows_of(["nobody", "other"]).tolist()[0] == -1
    with pytest.raises(SearchError, match="needs an ontology"):
        known_terms(AnnotationSource(path=tmp_path / "a.tsv"))


def test_a_root_alone_is_no_annotation(tmp_path: Path) -> None:
    root = ONTOLOGY.roots[0]
    (tmp_path / "a.tsv").write_text(f"protein_id\tgo_id\nbare\t{root}\n")
    known = known_terms(AnnotationSource(path=tmp_path / "a.tsv", ontology=ONTOLOGY))
    true, annotated = known.of(["bare"], known.columns([root]))
    assert true.tolist() == [[True]]
    assert not annotated.any()


def test_who_was_in_training() -> None:
    from multiprot.embedding.identity import sequence_hash

    trained = TrainingSequences.of(["MKV", "AAAA"])
    hashes = [sequence_hash(s) for s in ("MKV", "MKL", "AAAA", "MKV")]
    assert count_trained_on(trained, hashes) == 3
    assert count_trained_on(trained, hashes[1:2]) == 0
    assert hashes[0] == base64.urlsafe_b64encode(hashlib.sha512(b"MKV").digest()[:24]).decode()
