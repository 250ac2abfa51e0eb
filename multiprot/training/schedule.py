"""Learning rate as a pure function of the optimizer step. No torch."""

from __future__ import annotations

import math

from multiprot.training.settings import ScheduleConfig


def learning_rate_share(step: int, max_steps: int, schedule: ScheduleConfig) -> float:
    """Share of the peak learning rate at `step`, in (0, 1].

    Parameters
    ----------
    step
        Optimizer steps already taken, from 0.
    max_steps
        Optimizer steps in all; beyond them the share stays at `schedule.final_lr`.
    schedule
        Warm-up and shape.
    """
    if step < schedule.warmup_steps:
        return (step + 1) / (schedule.warmup_steps + 1)
    if schedule.shape == "constant":
        return 1.0
    begin = schedule.warmup_steps
    if schedule.shape == "wsd":
        begin = max(begin, round(max_steps * (1.0 - schedule.decay_share)))
    progress = min(1.0, max(0.0, (step - begin) / max(1, max_steps - begin)))
    falling = 0.5 * (1.0 + math.cos(math.pi * progress)) if schedule.shape == "cosine" else None
    height = 1.0 - progress if falling is None else falling
    return schedule.final_lr + (1.0 - schedule.final_lr) * height
