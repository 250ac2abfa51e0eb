"""Components are uncorrelated, and what explains them is told from what does not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.teacher_components import GROUPS, Components, composition, explained, row
from multiprot.proteins import ProteinRecord

CHANNELS = 140


@pytest.fixture
def vectors() -> np.ndarray:
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(600, 30)) * np.linspace(3, 0.1, 30)
    return mixed @ rng.normal(size=(30, CHANNELS)) + rng.normal(size=CHANNELS)


def test_components_are_uncorrelated_and_sorted(vectors: np.ndarray) -> None:
    components = Components(vectors)
    seen = np.cov(components.of(vectors).T, bias=True)
    np.testing.assert_allclose(seen, np.diag(components.variances), atol=1e-8)
    assert (np.diff(components.variances) <= 1e-9).all()
    # As many as channels that vary: each is in units of its deviation.
    assert components.variances.sum() == pytest.approx(CHANNELS)


def test_a_channel_that_does_not_vary_is_no_component(vectors: np.ndarray) -> None:
    vectors[:, 3] = 7.0
    components = Components(vectors)
    assert np.isfinite(components.of(vectors)).all()
    assert components.variances.sum() == pytest.approx(CHANNELS - 1)


def test_what_holds_the_teacher_explains_it_and_noise_does_not(vectors: np.ndarray) -> None:
    components = Components(vectors)
    truth = components.of(vectors)[:, :20]
    fitted = np.arange(len(vectors)) % 2 == 0
    rng = np.random.default_rng(1)
    turned = vectors @ rng.normal(size=(CHANNELS, CHANNELS))
    assert explained(turned, truth, fitted).min() > 0.99
    assert explained(rng.normal(size=(len(vectors), 8)), truth, fitted).max() < 0.1


def test_a_row_has_every_group_and_the_share_of_all(vectors: np.ndarray) -> None:
    components = Components(vectors)
    shares = np.zeros(CHANNELS)
    shares[:2] = 1.0
    told = row(shares, components.variances)
    assert len(told) == len(GROUPS) + 1
    assert told[0] == 1.0
    assert not any(told[1:-1])
    assert told[-1] == pytest.approx(components.variances[:2].sum() / CHANNELS)


def test_composition_counts_letters() -> None:
    told = composition([ProteinRecord(id="a", sequence="AACX")])
    assert told[0, :2].tolist() == [0.5, 0.25]
    assert told[0, -1] == pytest.approx(np.log(4))
