"""Small random ontologies and predictions, and what the program cafaeval says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cafaeval.evaluation import cafa_eval
from numpy.typing import NDArray

from multiprot.evaluation.go_function import GoCurve, GoFunctionResult
from multiprot.ontology import NAMESPACES, GeneOntology, Namespace, Term

THRESHOLDS = np.arange(0.01, 1, 0.01)
"""As cafaeval makes them."""

COLUMNS = {
    "cov": "coverage",
    "pr": "precision",
    "rc": "recall",
    "pr_micro": "precision_micro",
    "rc_micro": "recall_micro",
    "ru": "remaining_uncertainty",
    "mi": "misinformation",
}
"""Columns of cafaeval's table, and what they are called here."""


@dataclass(frozen=True)
class Predicted:
    """True terms and scores of some proteins."""

    ontology: GeneOntology
    truths: list[set[str]]
    scores: list[dict[str, float]]


def random_ontology(rng: np.random.Generator, terms: int) -> GeneOntology:
    """Three namespaces of up to `terms` terms with is_a, part_of (also across) and regulates."""
    made: list[Term] = []
    for prefix, namespace in enumerate(reversed(NAMESPACES), start=1):
        size = int(rng.integers(2, terms + 1))
        ids = [f"GO:{prefix:02d}{number:05d}" for number in range(size)]
        foreign = [term.id for term in made]
        for number, term_id in enumerate(ids):
            above = ids[:number]
            made.append(
                Term(
                    id=term_id,
                    name=f"term {term_id}",
                    namespace=namespace,
                    is_a=_some(rng, above, 1),
                    part_of=_some(rng, above, 0) + _some(rng, foreign, 0),
                    regulates=_some(rng, above, 0),
                )
            )
    return GeneOntology.from_terms(made)


def _some(rng: np.random.Generator, ids: Sequence[str], least: int) -> tuple[str, ...]:
    number = min(len(ids), int(rng.integers(least, least + 2)))
    return tuple(rng.choice(ids, number, replace=False)) if number else ()


def random_predictions(
    rng: np.random.Generator, ontology: GeneOntology, proteins: int
) -> Predicted:
    """Each protein has up to four true terms, no root alone, and scores of up to eight terms."""
    known = [term for term in ontology.term_ids if not term.endswith("00000")]
    truths = [set(rng.choice(known, rng.integers(1, 5)).tolist()) for _ in range(proteins)]
    scores = []
    for true in truths:
        asked = rng.choice(ontology.term_ids, rng.integers(0, 7)).tolist()
        asked += [term for term in sorted(true) if rng.random() < 0.6]
        scores.append({term: float(rng.random()) for term in asked})
    return Predicted(ontology, truths, scores)


def cafaeval_table(
    case: Predicted,
    folder: Path,
    *,
    obo: GeneOntology | None = None,
    accretion: NDArray[np.float64] | None = None,
    **options: Any,
) -> tuple[Any, Mapping[str, Any]]:
    """Both tables of cafaeval: all thresholds, and the best of each value."""
    (folder / "predictions").mkdir(parents=True)
    (obo or case.ontology).write_obo(folder / "go.obo")
    truth = [f"{p}\t{t}\n" for p, terms in enumerate(case.truths) for t in sorted(terms)]
    (folder / "truth.tsv").write_text("".join(truth))
    scores = [f"{p}\t{t}\t{s!r}\n" for p, terms in enumerate(case.scores) for t, s in terms.items()]
    (folder / "predictions" / "model.tsv").write_text("".join(scores))
    weights = None
    if accretion is not None:
        weights = folder / "accretion.tsv"
        lines = zip(case.ontology.term_ids, accretion.tolist(), strict=True)
        weights.write_text("".join(f"{term}\t{value!r}\n" for term, value in lines))
    options = {"no_orphans": True, "n_cpu": 1} | options
    table, best = cafa_eval(
        str(folder / "go.obo"),
        str(folder / "predictions"),
        str(folder / "truth.tsv"),
        ia=None if weights is None else str(weights),
        **options,
    )
    return table, best


def assert_agrees(
    found: Mapping[Namespace, GoFunctionResult], table: Any, best: Mapping[str, Any]
) -> int:
    """All curves and best values agree to 1e-9; returns how many namespaces were compared."""
    rows = {} if table is None else dict(iter(table.reset_index().groupby("ns")))
    for namespace, result in found.items():
        if namespace not in rows:
            assert np.isnan(result.value("fmax").value)
            continue
        part = rows[namespace]
        _curves_agree(result.curve(), part, "")
        expected = {"fmax": "f", "fmax_micro": "f_micro"}
        if "cov_w" in part:
            _curves_agree(result.curve(weighted=True), part, "_w", coverage="cov")
            expected |= {"fmax_weighted": "f_w", "fmax_micro_weighted": "f_micro_w", "smin": "s_w"}
        for name, column in expected.items():
            pick = part[column].min() if name == "smin" else part[column].max()
            np.testing.assert_allclose(result.value(name).value, pick, atol=1e-9)
            if column in best:
                line = best[column].reset_index().set_index("ns").loc[namespace]
                np.testing.assert_allclose(result.value(name).value, line[column], atol=1e-9)
    assert set(rows) <= set(found)
    return len(rows)


def _curves_agree(curve: GoCurve, part: Any, suffix: str, coverage: str = "cov") -> None:
    covered = curve.coverage > 0
    np.testing.assert_allclose(curve.thresholds[covered], part["tau"], atol=1e-12)
    for column, name in COLUMNS.items():
        theirs = part[coverage if column == "cov" else column + suffix]
        np.testing.assert_allclose(getattr(curve, name)[covered], theirs, atol=1e-9, err_msg=name)
