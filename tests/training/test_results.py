"""The table at the end."""

from __future__ import annotations

import json

from multiprot.training.results import Results, result_rows
from multiprot.training.retrieval import Retrieval

END = {
    "loss": 2.0,
    "masked-residue/accuracy": 0.3,
    "masked-residue/baseline_accuracy": 0.1,
    "go-annotation/loss": 0.4,
    "go-annotation/prior_loss": 0.6,
    "go-annotation/temperature": 0.1,
}


def test_baselines_stand_beside_what_they_are_baselines_of() -> None:
    rows = {row.name: row for row in result_rows({"loss": 5.0}, END, None)}
    assert set(rows) == {"loss", "masked-residue/accuracy", "go-annotation/loss"}
    assert (rows["loss"].start, rows["loss"].baseline) == (5.0, None)
    assert rows["masked-residue/accuracy"].baseline == 0.1
    assert rows["masked-residue/accuracy"].start is None
    assert rows["go-annotation/loss"].baseline == 0.6


def test_retrieval_is_shown_beside_frequencies_unless_nothing_was_ranked() -> None:
    measured = (Retrieval(0.5, 0.6, 9), Retrieval(0.1, 0.2, 9))
    rows = {row.name: row for row in result_rows({}, END, measured)}
    assert (rows["GO terms/reciprocal_rank"].end, rows["GO terms/reciprocal_rank"].baseline) == (
        0.5,
        0.1,
    )
    nothing = Retrieval(float("nan"), float("nan"), 0)
    assert len(result_rows({}, END, (nothing, nothing))) == 3


def test_results_are_strict_json() -> None:
    rows = result_rows({}, {"loss": float("nan")}, None)
    results = Results(steps=3, seconds=1.0, parameters=7, rows=rows, timing={"a": float("inf")})
    content = json.loads(json.dumps(results.to_json(), allow_nan=False))
    assert content["rows"][0]["end"] is None
    assert content["timing"] == {"a": None}
    assert content["steps"] == 3
