"""Corrections of probabilities: fitted, kept as JSON, applied under the true path rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.bundle import Bundle, load_bundle
from multiprot.errors import FileFormatError, OutputExistsError, SearchError
from multiprot.evaluation.calibration import IsotonicCalibrator, PlattCalibrator
from multiprot.evaluation.reliability import expected_calibration_error
from multiprot.ontology import NAMESPACES, Namespace, term_matrix
from multiprot.search.zero_shot import (
    Annotator,
    KnownTerms,
    TermCalibration,
    fit_term_calibration,
    readout_hash,
)
from tests.search.zero_shot.models import proteins, save_annotating_bundle, unit_vectors
from tests.tiny_model import tiny_ontology

MANY = 1500
MODEL = "c0ffee"


def drawn_truth(
    annotator: Annotator, vectors: np.ndarray, seed: int, *, sharpness: float = 0.4
) -> KnownTerms:
    """Annotation that comes true with other odds than the model says, under the true path rule."""
    ontology = tiny_ontology()
    said = annotator.probabilities(vectors)
    odds = sharpness * np.log(said / (1 - said)) - 0.5
    true = np.random.default_rng(seed).random(said.shape) < 1 / (1 + np.exp(-odds))
    sets = [
        {annotator.term_ids[row] for row in np.flatnonzero(true[:, protein])}
        for protein in range(len(vectors))
    ]
    names = {f"p{row}": row for row in range(len(vectors))}
    return KnownTerms(ontology=ontology, names=names, true=term_matrix(sets, ontology))


def errors(annotator: Annotator, vectors: np.ndarray, known: KnownTerms) -> list[float]:
    """Expected calibration error in each namespace, over annotated proteins."""
    ids = [f"p{row}" for row in range(len(vectors))]
    truth, annotated = known.of(ids, known.columns(annotator.term_ids))
    said = annotator.probabilities(vectors)
    cuts = (np.ix_(annotator.namespaces == n, annotated[n]) for n in range(len(NAMESPACES)))
    return [expected_calibration_error(truth[cut], said[cut]) for cut in cuts]


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_probabilities_come_true_on_new_proteins(bundle: Bundle, method: Any) -> None:
    plain = Annotator.of_bundle(bundle)
    fitted_on, tested_on = unit_vectors(MANY, seed=1), unit_vectors(MANY, seed=2)
    known = drawn_truth(plain, fitted_on, 3)
    made = fit_term_calibration(plain, [proteins(fitted_on)], known, MODEL, method=method)
    assert set(made.calibrators) == set(NAMESPACES)
    assert all(0 < count <= MANY for count in made.proteins.values())
    new = drawn_truth(plain, tested_on, 4)
    before = errors(plain, tested_on, new)
    after = errors(Annotator(plain.learnt, calibration=made), tested_on, new)
    assert np.mean(after) < 0.5 * np.mean(before), (before, after)


def test_parts_do_not_matter(bundle: Bundle) -> None:
    annotator, vectors = Annotator.of_bundle(bundle), unit_vectors(200)
    known, whole = drawn_truth(annotator, vectors, 0), proteins(vectors)
    parts = [whole.picked(np.arange(0, 60)), whole.picked(np.arange(60, 200))]
    assert fit_term_calibration(annotator, parts, known, MODEL) == fit_term_calibration(
        annotator, [whole], known, MODEL
    )


def some_calibration(model: str = MODEL) -> TermCalibration:
    broken = IsotonicCalibrator(scores=(0.1, 0.3, 0.9), probabilities=(0.0, 0.05, 0.7))
    return TermCalibration(
        model=model,
        calibrators={
            Namespace.FUNCTION: broken,
            Namespace.PROCESS: PlattCalibrator(slope=0.7, intercept=-0.2),
        },
        proteins={Namespace.FUNCTION: 12, Namespace.PROCESS: 7},
    )


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    made = some_calibration()
    made.save(tmp_path / "calibration.json")
    assert TermCalibration.load(tmp_path / "calibration.json") == made
    with pytest.raises(OutputExistsError):
        made.save(tmp_path / "calibration.json")
    made.save(tmp_path / "calibration.json", overwrite=True)


def test_only_calibrated_namespaces_change_and_the_true_path_holds(bundle: Bundle) -> None:
    plain, vectors = Annotator.of_bundle(bundle), unit_vectors(50)
    made = some_calibration(readout_hash(bundle))
    corrected = Annotator.of_bundle(bundle, calibration=made)
    before, after = plain.probabilities(vectors), corrected.probabilities(vectors)
    component = plain.namespaces == NAMESPACES.index(Namespace.COMPONENT)
    np.testing.assert_array_equal(after[component], before[component])
    assert (after[~component] != before[~component]).any()
    ontology = tiny_ontology()
    values = dict(zip(corrected.term_ids, after, strict=True))
    for term, probabilities in values.items():
        for ancestor in ontology.ancestors(term) & set(values):
            assert (values[ancestor] >= probabilities).all()
    # A function is part of a process, whose own curve may lie below: it is raised.
    function = plain.namespaces == NAMESPACES.index(Namespace.FUNCTION)
    np.testing.assert_array_equal(after[function], made(before, plain.namespaces)[function])


def test_a_process_is_raised_to_a_function_that_is_part_of_it(bundle: Bundle) -> None:
    """Curves of two namespaces may tear apart what GO holds together."""
    made = TermCalibration(
        model=readout_hash(bundle),
        calibrators={
            Namespace.FUNCTION: IsotonicCalibrator(scores=(0.0, 1.0), probabilities=(0.8, 0.9)),
            Namespace.PROCESS: IsotonicCalibrator(scores=(0.0, 1.0), probabilities=(0.0, 0.1)),
        },
        proteins={Namespace.FUNCTION: 1, Namespace.PROCESS: 1},
    )
    annotator = Annotator.of_bundle(bundle, calibration=made)
    found = dict(zip(annotator.term_ids, annotator.probabilities(unit_vectors(4)), strict=True))
    ontology = tiny_ontology()
    raised = [
        term
        for term in found
        if ontology.namespace(term) is Namespace.PROCESS
        and any(below.startswith("GO:91") for below in ontology.descendants(term) & set(found))
    ]
    assert raised
    assert all((found[term] >= 0.8).all() for term in raised)


def test_more_proteins_than_memory_holds(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    annotator, vectors = Annotator.of_bundle(bundle), unit_vectors(50)
    known = drawn_truth(annotator, vectors, 0)
    monkeypatch.setattr("multiprot.search.zero_shot.calibration._MOST_CELLS", 100)
    with pytest.raises(SearchError, match=r"more than .* annotated in .*give some thousand"):
        fit_term_calibration(annotator, [proteins(vectors)], known, MODEL)


def test_another_model(bundle: Bundle) -> None:
    with pytest.raises(SearchError, match=r"calibration is of model c0ffee.*--calibrate"):
        Annotator.of_bundle(bundle, calibration=some_calibration())


def test_another_readout_of_the_same_vectors(bundle: Bundle, tmp_path: Path) -> None:
    terms = tuple(sorted(Annotator.of_bundle(bundle).term_ids))[1:]
    other = load_bundle(save_annotating_bundle(tmp_path / "other", readout_terms=terms))
    assert other.content_hash == bundle.content_hash
    assert readout_hash(other) != readout_hash(bundle)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"version": 2},
        {"namespaces": {"nowhere": {}}},
        {"namespaces": {"molecular_function": {"method": "platt", "slope": 1.0}}},
        {"namespaces": []},
    ],
)
def test_a_damaged_file(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(some_calibration().to_json() | change))
    with pytest.raises(FileFormatError, match=r"calibration\.json: is no calibration"):
        TermCalibration.load(path)


@pytest.mark.parametrize("text", ["{", "[]", '"x"'])
def test_a_file_that_is_something_else(tmp_path: Path, text: str) -> None:
    (tmp_path / "calibration.json").write_text(text)
    with pytest.raises(FileFormatError, match=r"calibration\.json: is no"):
        TermCalibration.load(tmp_path / "calibration.json")


def test_a_falling_curve_is_refused(bundle: Bundle) -> None:
    annotator, vectors = Annotator.of_bundle(bundle), unit_vectors(400)
    known = drawn_truth(annotator, vectors, 0, sharpness=-3.0)
    with pytest.raises(SearchError, match=r"more probable comes true less often"):
        fit_term_calibration(annotator, [proteins(vectors)], known, MODEL, method="platt")


def test_nobody_is_annotated(bundle: Bundle) -> None:
    annotator, vectors = Annotator.of_bundle(bundle), unit_vectors(5)
    known = drawn_truth(annotator, vectors, 0)
    with pytest.raises(SearchError, match="none of the proteins is annotated"):
        fit_term_calibration(annotator, [proteins(vectors, "other")], known, MODEL)
