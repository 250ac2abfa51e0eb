"""The learning rate rises, holds or falls, and never leaves its bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.training.schedule import learning_rate_share
from multiprot.training.settings import ScheduleConfig

schedules = st.builds(
    ScheduleConfig,
    warmup_steps=st.integers(0, 50),
    shape=st.sampled_from(["cosine", "wsd", "constant"]),
    decay_share=st.floats(0.01, 1.0),
    final_lr=st.floats(0.0, 1.0),
)


@given(schedules, st.integers(1, 300), st.integers(0, 400))
def test_share_is_between_zero_and_one(schedule: ScheduleConfig, max_steps: int, step: int) -> None:
    assert 0.0 <= learning_rate_share(step, max_steps, schedule) <= 1.0


@given(schedules, st.integers(60, 300))
def test_rises_in_the_warm_up_and_never_after_it(schedule: ScheduleConfig, max_steps: int) -> None:
    shares = [learning_rate_share(step, max_steps, schedule) for step in range(max_steps + 1)]
    warm = shares[: schedule.warmup_steps + 1]
    assert warm == sorted(warm)
    assert warm[0] > 0
    assert warm[-1] == pytest.approx(1.0)
    after = shares[schedule.warmup_steps :]
    assert after == sorted(after, reverse=True)


@given(schedules, st.integers(60, 300))
def test_ends_where_the_recipe_says(schedule: ScheduleConfig, max_steps: int) -> None:
    end = 1.0 if schedule.shape == "constant" else schedule.final_lr
    assert learning_rate_share(max_steps, max_steps, schedule) == pytest.approx(end)
    assert learning_rate_share(max_steps + 7, max_steps, schedule) == pytest.approx(end)


def test_wsd_is_level_until_its_decay() -> None:
    schedule = ScheduleConfig(warmup_steps=10, shape="wsd", decay_share=0.25, final_lr=0.0)
    level = {learning_rate_share(step, 100, schedule) for step in range(10, 76)}
    assert level == {1.0}
    assert learning_rate_share(88, 100, schedule) == pytest.approx(12 / 25)


def test_cosine_is_halfway_in_the_middle() -> None:
    schedule = ScheduleConfig(warmup_steps=0, shape="cosine", final_lr=0.2)
    assert learning_rate_share(50, 100, schedule) == pytest.approx(0.6)
