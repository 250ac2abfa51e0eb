"""Pairs one by one: resumable, complete, told where they fail; sources in order."""

from __future__ import annotations

import numpy as np
import pytest

from multiprot.errors import TransferError
from multiprot.transfer import (
    MEASURES,
    Sample,
    TransferOptions,
    measured_pairs,
    pairs_of,
    ranked_sources,
    value_matrix,
)
from tests.transfer.sets import clustered

FAST = TransferOptions(replicates=0)
SETS = [
    clustered(name, 30, shift=s, seed=n)
    for n, (name, s) in enumerate(zip("abc", (0, 0.3, 2), strict=True))
]


@pytest.mark.parametrize(
    ("measure", "pairs"),
    [
        ("wasserstein", [("a", "b"), ("a", "c"), ("b", "c")]),
        ("otfrm", [("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b")]),
        ("logme", [("a", "a"), ("b", "b"), ("c", "c")]),
        ("cka", [("a", "a"), ("a", "b"), ("a", "c"), ("b", "b"), ("b", "c"), ("c", "c")]),
    ],
)
def test_pairs_of_each_kind_of_measure(measure: str, pairs: list[tuple[str, str]]) -> None:
    assert pairs_of(MEASURES[measure], ["a", "b", "c"]) == pairs
    found = [(r.source, r.target) for r in measured_pairs(MEASURES[measure], SETS, FAST)]
    assert found == pairs


def test_a_matrix_goes_on_where_it_stopped() -> None:
    measure = MEASURES["wasserstein"]
    whole = list(measured_pairs(measure, SETS, FAST))
    first = next(measured_pairs(measure, SETS, FAST))
    rest = list(measured_pairs(measure, SETS, FAST, done=[(first.source, first.target)]))
    assert [first, *rest] == whole


def test_a_pair_that_fails_does_not_stop_the_others() -> None:
    sets = [*SETS[:2], clustered("wide", width=9), Sample("bare", SETS[0].vectors)]
    results = list(measured_pairs(MEASURES["otdd"], sets, FAST))
    good = [(r.source, r.target) for r in results if r.estimate is not None]
    assert good == [("a", "b")]
    assert all(r.problem for r in results if r.estimate is None)
    assert len(results) == 6


def test_values_stand_at_source_and_target() -> None:
    for name in ("wasserstein", "otfrm"):
        measure = MEASURES[name]
        results = list(measured_pairs(measure, SETS, FAST))
        known = {(r.source, r.target): r.estimate for r in results if r.estimate is not None}
        values = value_matrix(measure, ["a", "b", "c"], known)
        assert values[0, 2] == known["a", "c"].value
        assert bool(values[2, 0] == values[0, 2]) is measure.symmetric
        assert np.isnan(np.diag(values)).all()


@pytest.mark.parametrize("name", ["wasserstein", "leep"])
def test_the_most_promising_source_comes_first(name: str) -> None:
    target = clustered("target", 30, seed=9)
    found = ranked_sources(MEASURES[name], target, [*SETS[::-1], clustered("w", width=3)], FAST)
    values = [r.estimate.value for r in found if r.estimate is not None]
    assert values == sorted(values, reverse=MEASURES[name].larger_is_better)
    assert found[-1].source == "w"
    assert "channels" in (found[-1].problem or "")
    if name == "wasserstein":
        assert [r.source for r in found[:3]] == ["a", "b", "c"]


def test_what_has_no_order_is_told() -> None:
    with pytest.raises(TransferError, match="ranks no sources"):
        ranked_sources(MEASURES["logme"], SETS[0], SETS[1:], FAST)
    with pytest.raises(TransferError, match="names repeat"):
        pairs_of(MEASURES["otfrm"], ["a", "a"])


def test_measures_without_torch_import_none() -> None:
    import subprocess
    import sys

    program = (
        "import sys; import numpy as np\n"
        "from multiprot.transfer import MEASURES, Sample, TransferOptions, estimate\n"
        "x = Sample('x', np.eye(12, dtype=np.float32)); y = Sample('y', x.vectors + 1)\n"
        "for name in ('wasserstein', 'otfrm', 'cka'):\n"
        "    estimate(MEASURES[name], (x, y), TransferOptions(replicates=2))\n"
        "print('torch' in sys.modules, 'ot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False False", done.stderr
