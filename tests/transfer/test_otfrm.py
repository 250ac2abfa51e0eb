"""OTFRM against a few lines of its definition, for pairs and for collections."""

from __future__ import annotations

import numpy as np
import ot
import pytest
from scipy.spatial.distance import cdist

from multiprot.errors import TransferError
from multiprot.transfer import (
    MEASURES,
    Sample,
    TransferOptions,
    estimate,
    otfrm,
    pair_distances,
)
from tests.transfer.sets import clustered

PLAIN = TransferOptions(replicates=0)
TASKS = [clustered("a"), clustered("b", 45, shift=0.4, seed=1), clustered("c", shift=0.9, seed=2)]


def definition(tasks: dict[str, np.ndarray]) -> dict[str, float]:
    """OTFRM as MASSA's authors define it, p = 2."""

    def similarity(x: np.ndarray, y: np.ndarray) -> float:
        costs = cdist(x, y, "cosine") ** 2
        return 1 - float((ot.emd([], [], costs) * costs).sum()) ** 0.5

    found = {}
    for name, x in tasks.items():
        intra = 1 - cdist(x, x, "cosine").mean()
        inter = np.mean([similarity(x, y) for other, y in tasks.items() if other != name])
        found[name] = float(intra / inter)
    return found


def test_equal_to_the_definition() -> None:
    expected = definition({s.name: s.vectors.astype(float) for s in TASKS})
    found = otfrm(TASKS, PLAIN)
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-9)
        assert found[name].parts["intra"] / found[name].parts["inter"] == found[name].value
    assert found["b"].samples == ("a", "c", "b")


def test_a_pair_is_a_collection_of_two() -> None:
    pair = estimate(MEASURES["otfrm"], TASKS[:2], TransferOptions(replicates=5))
    both = otfrm(TASKS[:2], TransferOptions(replicates=5))["b"]
    assert pair.value == pytest.approx(both.value, rel=1e-12)
    assert (pair.low, pair.high) == pytest.approx((both.low, both.high), rel=1e-12)
    assert [v for _, v in pair.by_size] == pytest.approx([v for _, v in both.by_size])


def test_known_pairs_are_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    options = TransferOptions(replicates=3)
    expected = otfrm(TASKS, options)
    known = {(y.name, x.name): pair_distances(y, x, options) for x, y in [(TASKS[0], TASKS[1])]}
    calls = []
    from multiprot.transfer import collection

    def counted(x: Sample, y: Sample, how: TransferOptions) -> object:
        calls.append((x.name, y.name))
        return pair_distances(x, y, how)

    monkeypatch.setattr(collection, "pair_distances", counted)
    found = otfrm(TASKS, options, known)
    assert calls == [("a", "c"), ("b", "c")]
    assert {n: e.value for n, e in found.items()} == {n: e.value for n, e in expected.items()}
    assert found["c"].high == expected["c"].high


def test_other_tasks_do_not_change_which_proteins_are_drawn() -> None:
    options = TransferOptions(replicates=4, n=20)
    alone = pair_distances(TASKS[0], TASKS[1], options)
    assert (
        otfrm(TASKS, options)["a"].parts["intra"] == otfrm(TASKS[:2], options)["a"].parts["intra"]
    )
    assert alone.whole.value == pair_distances(TASKS[0], TASKS[1], options).whole.value


def test_a_denominator_near_zero_is_told() -> None:
    # A quarter of y points the other way: W is about 1, and half of the halves put it above.
    generator = np.random.default_rng(0)
    x, y = (np.eye(6)[[0] * 60] + 0.01 * generator.standard_normal((60, 6)) for _ in range(2))
    y[:15] *= -1
    opposed = [Sample(n, v.astype(np.float32)) for n, v in (("x", x), ("y", y))]
    found = otfrm(opposed, TransferOptions(replicates=40))
    assert all("which may be 0" in (each.warning or "") for each in found.values())
    calm = otfrm(TASKS, TransferOptions(replicates=40))
    assert all("divided by" not in (each.warning or "") for each in calm.values())


def test_what_cannot_be_compared_is_told() -> None:
    with pytest.raises(TransferError, match="two tasks of different names"):
        otfrm(TASKS[:1], PLAIN)
    with pytest.raises(TransferError, match="two tasks of different names"):
        otfrm([TASKS[0], TASKS[0]], PLAIN)
    with pytest.raises(TransferError, match="8 channels and wide 9"):
        otfrm([TASKS[0], clustered("wide", width=9)], PLAIN)


def test_solvers_for_large_sets_agree() -> None:
    values = [
        estimate(
            MEASURES["wasserstein"], TASKS[::2], TransferOptions(replicates=0, solver=solver)
        ).value
        for solver in ("exact", "refined", "minibatch")
    ]
    assert values[1:] == pytest.approx([values[0]] * 2, rel=1e-3)
