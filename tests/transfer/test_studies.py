"""Studies measure each value once, keep it, and go on where they were stopped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from multiprot.errors import OutputExistsError, TransferError
from multiprot.evaluation.tasks.task_type import Target
from multiprot.transfer import (
    MEASURES,
    Sample,
    TransferOptions,
    TransferRecord,
    measure_named,
    otfrm,
    ranked,
    study_matrix,
    study_ranking,
)

QUICK = TransferOptions(n=40, replicates=4)
HEAD = {"verb": "matrix", "model": "m", "options": {}, "names": []}


def sample(name: str, *, shift: float = 0.0, labelled: bool = True) -> Sample:
    rng = np.random.default_rng(sum(name.encode()))
    vectors = (
        rng.normal(size=(60, 8)).astype(np.float32)
        + np.float32(1 + shift) * np.eye(8, dtype=np.float32)[0]
    )
    if not labelled:
        return Sample(name, vectors)
    return Sample(name, vectors, vectors[:, 1].astype(np.float64), Target.REGRESSION)


@pytest.fixture
def samples() -> list[Sample]:
    return [sample("near"), sample("far", shift=4), sample("bare", labelled=False)]


def names(*measures: str) -> list:  # type: ignore[type-arg]
    return [measure_named(name) for name in measures]


def test_a_matrix_has_every_pair_once(samples: list[Sample], tmp_path: Path) -> None:
    record = TransferRecord.open(tmp_path, HEAD, resume=False)
    study_matrix(samples, names("wasserstein", "sinkhorn", "otdd", "logme"), QUICK, record)
    told = json.loads((tmp_path / "transfer.json").read_text())
    rows = {(r["measure"], r["source"], r["target"]): r for r in told["pairs"]}
    assert len(rows) == len(told["pairs"]) == 3 + 3 + 3 + 3
    assert "needs labels of bare" in rows["otdd", "near", "bare"]["problem"]
    assert rows["otdd", "near", "bare"]["value"] is None
    assert (
        rows["wasserstein", "near", "far"]["value"] > rows["wasserstein", "near", "bare"]["value"]
    )
    assert rows["sinkhorn", "near", "far"]["low"] <= rows["sinkhorn", "near", "far"]["high"]


def test_otfrm_is_that_of_a_task_among_all(samples: list[Sample], tmp_path: Path) -> None:
    record = TransferRecord.open(tmp_path, HEAD, resume=False)
    study_matrix(samples, names("otfrm"), QUICK, record)
    expected = otfrm(samples, QUICK)
    rows = {r["target"]: r for r in record.rows.values() if r["measure"] == "otfrm"}
    for name, found in expected.items():
        assert rows[name]["value"] == pytest.approx(found.value, rel=1e-12)
        assert rows[name]["low"] == pytest.approx(found.low, rel=1e-12)


def test_what_is_measured_is_not_measured_again(
    samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measures = names("otfrm", "sinkhorn")
    whole = TransferRecord.open(tmp_path / "whole", HEAD, resume=False)
    study_matrix(samples, measures, QUICK, whole)

    class StoppedError(Exception):
        pass

    count = 0

    def stop(told: str) -> None:
        nonlocal count
        count += 1
        if count == 2:
            raise StoppedError

    begun = TransferRecord.open(tmp_path / "parts", HEAD, resume=False)
    with pytest.raises(StoppedError):
        study_matrix(samples, measures, QUICK, begun, stop)
    told: list[str] = []
    study_matrix(
        samples,
        measures,
        QUICK,
        TransferRecord.open(tmp_path / "parts", HEAD, resume=True),
        told.append,
    )
    assert len(told) == len(whole.rows) - 2
    parts, once = (tmp_path / name / "transfer.json" for name in ("parts", "whole"))
    assert json.loads(parts.read_text()) == json.loads(once.read_text())


def test_a_record_of_something_else_is_not_gone_on_with(tmp_path: Path) -> None:
    TransferRecord.open(tmp_path, HEAD, resume=False).write()
    with pytest.raises(OutputExistsError, match="go on with --resume"):
        TransferRecord.open(tmp_path, HEAD, resume=False)
    with pytest.raises(TransferError, match="was begun with another model"):
        TransferRecord.open(tmp_path, {**HEAD, "model": "other"}, resume=True)


def test_a_ranking_puts_the_promising_first(samples: list[Sample], tmp_path: Path) -> None:
    record = TransferRecord.open(tmp_path, HEAD, resume=False)
    target = sample("target")
    candidates = {s.name: (s, target) for s in samples}
    study_ranking("target", candidates, names("wasserstein", "otdd"), QUICK, record)
    assert ranked(record, MEASURES["wasserstein"])[-1] == "far"
    # Without a value it comes last.
    assert ranked(record, MEASURES["otdd"])[-1] == "bare"


def test_models_are_ranked_by_what_they_know_of_the_target(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = rng.normal(size=80)
    knows = rng.normal(size=(80, 6)).astype(np.float32)
    knows[:, 2] = labels
    ignorant = rng.normal(size=(80, 6)).astype(np.float32)
    candidates = {
        "knows": (Sample("t", knows, labels, Target.REGRESSION),),
        "ignorant": (Sample("t", ignorant, labels, Target.REGRESSION),),
    }
    record = TransferRecord.open(tmp_path, HEAD, resume=False)
    study_ranking("t", candidates, names("logme"), QUICK, record)
    assert ranked(record, MEASURES["logme"]) == ["knows", "ignorant"]
