"""A shard that ended a worker is tried again ever more carefully, until one protein is to blame."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.embedding.engines.care import Care
from multiprot.embedding.engines.workers import worker_devices

IDS = [f"p{i}" for i in range(12)]


def deadly_batch(care: Care, killers: Sequence[str]) -> tuple[str, ...] | None:
    """The batch in which a worker dies: those apart come first, then the others together."""
    left = [name for name in IDS if name not in care.given_up]
    batches = [(name,) for name in left if name in care.alone]
    batches.append(tuple(name for name in left if name not in care.alone))
    return next((batch for batch in batches if set(batch) & set(killers)), None)


@given(st.lists(st.sampled_from(IDS), unique=True, max_size=5))
def test_exactly_the_proteins_to_blame_are_given_up(killers: list[str]) -> None:
    care, deaths = Care(), 0
    while (batch := deadly_batch(care, killers)) is not None:
        care, deaths = care.after(batch, "died of SIGKILL"), deaths + 1
        assert deaths <= 2 * len(killers) + 1
    assert sorted(care.given_up) == sorted(killers)
    for name, reason in care.given_up.items():
        told = f"protein {name}: the worker that embedded it alone died of SIGKILL, twice"
        assert reason.startswith(told)


def test_one_death_alone_may_have_come_from_outside() -> None:
    care = Care().after(IDS, "died of SIGKILL").after(IDS[:1], "died of SIGKILL")
    assert not care.given_up
    assert list(care.after(IDS[:1], "died of SIGKILL").given_up) == IDS[:1]


def test_a_worker_that_ends_between_batches_blames_nobody() -> None:
    assert Care().after((), "died of SIGTERM") == Care()


@pytest.mark.parametrize(
    ("device", "workers", "gpus", "expected"),
    [
        ("cpu", 3, 0, ["cpu", "cpu", "cpu"]),
        ("cuda", 3, 2, ["cuda:0", "cuda:1", "cuda:0"]),
        ("cuda:1", 2, 4, ["cuda:1", "cuda:1"]),
    ],
)
def test_workers_share_the_devices(
    monkeypatch: pytest.MonkeyPatch, device: str, workers: int, gpus: int, expected: list[str]
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    assert worker_devices(device, workers) == expected
