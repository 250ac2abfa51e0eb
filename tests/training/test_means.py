"""Means in which every item counts the same, however it was batched."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multiprot.training.means import WeightedMeans

batches = st.lists(st.tuples(st.floats(-1e3, 1e3), st.integers(0, 50)), min_size=1, max_size=10)


@given(batches)
def test_mean_is_over_items(given_batches: list[tuple[float, int]]) -> None:
    means = WeightedMeans()
    for value, weight in given_batches:
        means.add({"loss": torch.tensor(value)}, torch.tensor(weight))
    items = [value for value, weight in given_batches for _ in range(weight)]
    if not items:
        assert means.compute() == {}
        return
    assert means.compute()["loss"] == pytest.approx(sum(items) / len(items), abs=1e-3)


def test_value_of_no_items_may_be_no_number() -> None:
    means = WeightedMeans()
    means.add({"a": torch.tensor(float("nan"))}, torch.tensor(0))
    means.add({"a": torch.tensor(2.0)}, torch.tensor(3))
    assert means.compute() == {"a": 2.0}


def test_values_keep_no_graph() -> None:
    means = WeightedMeans()
    leaf = torch.tensor(2.0, requires_grad=True)
    means.add({"a": leaf * 2}, torch.tensor(1.0))
    assert not means._sums["a"].requires_grad


def test_names_are_sorted() -> None:
    means = WeightedMeans()
    means.add({"b": torch.tensor(1.0), "a": torch.tensor(1.0)}, torch.tensor(1))
    assert list(means.compute()) == ["a", "b"]
