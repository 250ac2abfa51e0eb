"""Predicted function is scored as the program cafaeval scores it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.go_function import (
    GO_METRICS,
    GoEvaluationOptions,
    GoFunctionResult,
    evaluate_go_function,
    information_accretion,
    propagated_scores,
    score_matrix,
)
from multiprot.evaluation.go_function.options import Normalisation
from multiprot.evaluation.statistics import BootstrapOptions, Units, interval_of
from multiprot.ontology import GeneOntology, Namespace, Term, term_matrix
from tests.evaluation.go_function.cafa import (
    THRESHOLDS,
    Predicted,
    assert_agrees,
    cafaeval_table,
    random_ontology,
    random_predictions,
)

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")

NORMALISATIONS: tuple[Normalisation, ...] = ("cafa", "gt", "pred")


def _case(seed: int, terms: int = 12, proteins: int = 10) -> tuple[Predicted, NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    case = random_predictions(rng, random_ontology(rng, terms), proteins)
    background = random_predictions(rng, case.ontology, 30)
    annotated = term_matrix(background.truths, case.ontology, propagate=False)
    return case, information_accretion(annotated, case.ontology)


def _evaluate(
    case: Predicted, accretion: NDArray[np.float64] | None = None, **options: Any
) -> dict[Namespace, GoFunctionResult]:
    return evaluate_go_function(
        score_matrix(case.scores, case.ontology),
        term_matrix(case.truths, case.ontology, propagate=False),
        case.ontology,
        accretion=accretion,
        options=GoEvaluationOptions(**({"thresholds": THRESHOLDS} | options)),
    )


@settings(
    deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**32 - 1),
    terms=st.integers(2, 25),
    proteins=st.integers(1, 20),
    normalisation=st.sampled_from(NORMALISATIONS),
    exclude_roots=st.booleans(),
)
def test_it_agrees_with_cafaeval(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    terms: int,
    proteins: int,
    normalisation: Normalisation,
    exclude_roots: bool,
) -> None:
    case, accretion = _case(seed, terms, proteins)
    table, best = cafaeval_table(
        case,
        tmp_path_factory.mktemp("cafa"),
        accretion=accretion,
        norm=normalisation,
        no_orphans=exclude_roots,
    )
    found = _evaluate(case, accretion, normalisation=normalisation, exclude_roots=exclude_roots)
    assert_agrees(found, table, best)


def test_without_accretion_it_agrees_as_well(tmp_path: Path) -> None:
    case, _ = _case(0, proteins=30)
    found = _evaluate(case)
    assert assert_agrees(found, *cafaeval_table(case, tmp_path)) == 3
    result = next(iter(found.values()))
    assert set(result.values()) == {"fmax", "fmax_micro", "aupr", "aupr_micro"}
    with pytest.raises(EvaluationError, match="need information accretion"):
        result.value("smin")


def test_partial_evaluation_is_that_of_the_proteins_with_a_prediction(tmp_path: Path) -> None:
    case, accretion = _case(1, proteins=30)
    compared = 0
    for namespace, result in _evaluate(case, accretion, proteins="partial").items():
        predicted = [
            any(case.ontology.namespace(t) == namespace and s > 0 for t, s in scores.items())
            for scores in case.scores
        ]
        truths = [t if p else set() for t, p in zip(case.truths, predicted, strict=True)]
        part = Predicted(case.ontology, truths, case.scores)
        tables = cafaeval_table(part, tmp_path / namespace, accretion=accretion)
        table = tables[0].xs(namespace, level="ns", drop_level=False)
        compared += assert_agrees({namespace: result}, table, {})
        assert predicted.count(True) >= len(result.proteins) > 0
    assert compared >= 2


def test_areas_are_trapezoids_under_cafaevals_points(tmp_path: Path) -> None:
    case, accretion = _case(2, proteins=40)
    table, _ = cafaeval_table(case, tmp_path, accretion=accretion)
    found = _evaluate(case, accretion)
    for namespace, part in table.reset_index().groupby("ns"):
        falling = part.sort_values("tau", ascending=False)
        for suffix, name in (("", "aupr"), ("_micro", "aupr_micro"), ("_w", "aupr_weighted")):
            recall, precision = (falling[c + suffix].to_numpy() for c in ("rc", "pr"))
            area = recall[0] * precision[0] + sum(
                (recall[i + 1] - recall[i]) * (precision[i] + precision[i + 1]) / 2
                for i in range(len(recall) - 1)
            )
            assert found[namespace].value(name).value == pytest.approx(area, abs=1e-9)


def test_dense_and_propagated_input_give_the_same() -> None:
    case, accretion = _case(3)
    scores = score_matrix(case.scores, case.ontology)
    truths = term_matrix(case.truths, case.ontology, propagate=False)
    plain = evaluate_go_function(scores, truths, case.ontology, accretion=accretion)
    dense = evaluate_go_function(scores.toarray(), truths, case.ontology, accretion=accretion)
    raised = propagated_scores(scores, case.ontology)
    again = evaluate_go_function(raised, truths, case.ontology, accretion=accretion)
    for namespace, result in plain.items():
        assert dense[namespace].values() == result.values()
        assert again[namespace].values() == result.values()


def test_true_terms_as_predictions_are_perfect() -> None:
    case, _ = _case(4)
    truths = term_matrix(case.truths, case.ontology, propagate=False)
    accretion = information_accretion(truths, case.ontology)
    found = evaluate_go_function(
        truths.astype(np.float64), truths, case.ontology, accretion=accretion
    )
    for result in found.values():
        assert result.value("fmax").value == result.value("fmax_micro").value == 1.0
        assert result.value("smin").value == 0.0


def test_a_scorer_counts_proteins_as_often_as_asked() -> None:
    case, accretion = _case(5, proteins=12)
    counts = np.random.default_rng(0).integers(0, 3, 12)
    copies = [p for p in range(12) for _ in range(counts[p])]
    repeated = Predicted(
        case.ontology, [case.truths[p] for p in copies], [case.scores[p] for p in copies]
    )
    again = _evaluate(repeated, accretion)
    for namespace, result in _evaluate(case, accretion).items():
        for name in GO_METRICS:
            own = counts[result.proteins].astype(np.float64)
            expected = again[namespace].value(name).value
            assert result.scorer(name)(own) == pytest.approx(expected, abs=1e-9), name


def test_fmax_has_a_bootstrap_interval() -> None:
    case, _ = _case(6, proteins=40)
    result = max(_evaluate(case).values(), key=lambda r: len(r.proteins))
    interval = interval_of(
        result.scorer("fmax"), Units(len(result.proteins), None), BootstrapOptions(resamples=100)
    )
    assert interval.value == result.value("fmax").value
    assert interval.low < interval.value < interval.high


def _chain() -> GeneOntology:
    """A root, below it a term, below that another."""
    above: tuple[str, ...] = ()
    terms = []
    for number in range(3):
        term = f"GO:000000{number}"
        terms.append(Term(id=term, name=term, namespace=Namespace.FUNCTION, is_a=above))
        above = (term,)
    return GeneOntology.from_terms(terms)


def test_a_protein_with_nothing_but_a_root_is_no_benchmark() -> None:
    ontology = _chain()
    truths = term_matrix([{"GO:0000000"}, {"GO:0000002"}], ontology)
    scores = score_matrix([{"GO:0000002": 0.9}] * 2, ontology)
    with_roots = GoEvaluationOptions(exclude_roots=False)
    found = evaluate_go_function(scores, truths, ontology)[Namespace.FUNCTION]
    assert found.proteins.tolist() == [1]
    found = evaluate_go_function(scores, truths, ontology, options=with_roots)[Namespace.FUNCTION]
    assert found.proteins.tolist() == [0, 1]
    with pytest.raises(EvaluationError, match="no protein has a true term"):
        evaluate_go_function(scores[:1], truths[:1], ontology)


def test_a_score_at_a_written_threshold_counts_there() -> None:
    ontology = _chain()
    truths = term_matrix([{"GO:0000002"}] * 99, ontology)
    steps = [float(f"0.{step:02d}") for step in range(1, 100)]
    scores = score_matrix([{"GO:0000002": step} for step in steps], ontology)
    curve = evaluate_go_function(scores, truths, ontology)[Namespace.FUNCTION].curve()
    np.testing.assert_allclose(curve.coverage, np.arange(99, 0, -1) / 99)


def test_without_a_prediction_there_is_no_value_but_a_reason() -> None:
    ontology = _chain()
    truths = term_matrix([{"GO:0000002"}], ontology)
    scores = score_matrix([{"GO:0000002": 0.005}], ontology)
    result = evaluate_go_function(scores, truths, ontology, accretion=np.ones(3))
    for name, value in result[Namespace.FUNCTION].values().items():
        assert np.isnan(value.value), name
        assert value.undefined_because == "no protein has a term with a score of at least 0.01"


def test_what_does_not_fit_is_refused() -> None:
    ontology = _chain()
    truths = term_matrix([{"GO:0000002"}], ontology)
    with pytest.raises(EvaluationError, match=r"shape \[2, 3\], expected \[1, 3\]"):
        evaluate_go_function(np.zeros((2, 3)), truths, ontology)
    with pytest.raises(EvaluationError, match="not from 0 to 1"):
        evaluate_go_function(np.array([[0.1, np.nan, 0.2]]), truths, ontology)
    with pytest.raises(EvaluationError, match="accretion has the shape"):
        evaluate_go_function(np.zeros((1, 3)), truths, ontology, accretion=np.zeros(2))
    with pytest.raises(EvaluationError, match="truths have 2 columns"):
        evaluate_go_function(np.zeros((1, 3)), truths[:, :2], ontology)
    result = evaluate_go_function(truths.astype(float), truths, ontology)[Namespace.FUNCTION]
    with pytest.raises(EvaluationError, match="no value 'f_max'; known: fmax"):
        result.value("f_max")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thresholds": np.array([0.0, 0.5])}, "thresholds are not ascending"),
        ({"thresholds": np.array([0.5, 0.5])}, "thresholds are not ascending"),
        ({"thresholds": np.array([])}, "thresholds are not ascending"),
        ({"thresholds": np.array([0.5, 1.1])}, "thresholds are not ascending"),
        ({"normalisation": "sum"}, "choose cafa, gt or pred"),
        ({"proteins": "some"}, "full or partial"),
    ],
)
def test_settings_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        GoEvaluationOptions(**options)


def test_a_perfect_prediction_has_an_area_of_one() -> None:
    """All its points lie at one recall."""
    case, _ = _case(4)
    truths = term_matrix(case.truths, case.ontology)
    found = evaluate_go_function(truths.astype(float), truths, case.ontology)
    for result in found.values():
        assert result.value("aupr").value == pytest.approx(1)
        assert result.value("aupr_micro").value == pytest.approx(1)
