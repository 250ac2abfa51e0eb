"""On the real ontology and annotations the values are cafaeval's, too."""

from __future__ import annotations

import csv
import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multiprot.evaluation.go_function import (
    GoEvaluationOptions,
    evaluate_go_function,
    information_accretion,
    score_matrix,
)
from multiprot.ontology import GeneOntology, Namespace, term_matrix
from tests.evaluation.go_function.cafa import THRESHOLDS, Predicted, assert_agrees, cafaeval_table

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")

PROTEINS = 40


@pytest.fixture(scope="module")
def real(shared: Path) -> GeneOntology:
    return GeneOntology.from_obo(shared / "data" / "pretrain" / "go.obo.gz")


@pytest.fixture(scope="module")
def truths(shared: Path, real: GeneOntology) -> list[set[str]]:
    """Components and functions of the first 2,000 proteins of the file."""
    terms: dict[str, set[str]] = {}
    with gzip.open(shared / "data" / "pretrain" / "annotations.tsv.gz", "rt") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            if len(terms) == 2000 and row["protein_id"] not in terms:
                break
            known = terms.setdefault(row["protein_id"], set())
            if row["aspect"] in "FC" and row["go_id"] in real and row["go_id"] not in real.roots:
                known.add(row["go_id"])
    return [known for known in terms.values() if known]


def _alone(ontology: GeneOntology, namespace: Namespace) -> GeneOntology:
    """One namespace: cafaeval's matrix of all processes alone would take 700 MB."""
    terms = [ontology.term(t) for t in ontology.term_ids if ontology.namespace(t) == namespace]
    own = {term.id for term in terms}
    return GeneOntology.from_terms(
        replace(term, part_of=tuple(p for p in term.part_of if p in own)) for term in terms
    )


@pytest.mark.parametrize(
    "namespace",
    [Namespace.COMPONENT, pytest.param(Namespace.FUNCTION, marks=pytest.mark.long)],
)
def test_it_agrees_with_cafaeval(
    real: GeneOntology, truths: list[set[str]], namespace: Namespace, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    known = [t for t in truths if any(real.namespace(i) == namespace for i in t)]
    tested, rest = known[:PROTEINS], known[PROTEINS:]
    assert len(tested) == PROTEINS
    assert len(rest) > 300
    borrowed = [sorted(t | rest[rng.integers(len(rest))]) for t in tested]
    scores = [{t: float(rng.random()) for t in terms if rng.random() < 0.7} for terms in borrowed]
    case = Predicted(real, tested, scores)
    accretion = information_accretion(term_matrix(rest, real, propagate=False), real)
    found = evaluate_go_function(
        score_matrix(scores, real),
        term_matrix(tested, real, propagate=False),
        real,
        accretion=accretion,
        options=GoEvaluationOptions(thresholds=THRESHOLDS),
    )
    tables = cafaeval_table(case, tmp_path, obo=_alone(real, namespace), accretion=accretion)
    assert assert_agrees({namespace: found[namespace]}, *tables) == 1
    assert 0.3 < found[namespace].value("fmax").value < 0.95
