"""Which teachers an objective learns from, and what it needs to know of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from multiprot.encoders.contract import ObjectiveContext, TeacherFacts
from multiprot.errors import ConfigError
from multiprot.objectives.distillation.configs import DistillationConfig

ROUNDING: Final = 1e-5
"""Share of a mean below which what differs from it is rounding."""


def chosen_teachers(
    config: DistillationConfig,
    context: ObjectiveContext,
    objective: str,
    has: Callable[[TeacherFacts], bool] = lambda facts: True,
    what: str = "",
) -> dict[str, TeacherFacts]:
    """The teachers to learn from, by name, sorted.

    Parameters
    ----------
    config
        Its `teachers`: None for all that have what is asked for.
    context
        Its `teachers`.
    objective
        For messages.
    has, what
        What is asked of a teacher, as a function and in words.

    Raises
    ------
    ConfigError
        If a teacher is unknown, or has not what is asked for, or there is none.
    """
    known = context.teachers
    able = sorted(name for name, facts in known.items() if has(facts))
    chosen = able if config.teachers is None else sorted(config.teachers)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise ConfigError(
            f"objective {objective}: no teacher is called {', '.join(unknown)}; "
            f"there {'are' if known else 'is'} {', '.join(sorted(known)) or 'none'}"
        )
    lacking = sorted(set(chosen or known) - set(able))
    if lacking and (config.teachers is not None or not able):
        raise ConfigError(
            f"objective {objective} needs {what}, and {', '.join(lacking)} has none; name others "
            f"in its option teachers ({', '.join(able) or 'none has any'}), make the teacher's "
            "vectors anew with it, or leave the objective out"
        )
    if not chosen:
        raise ConfigError(
            f"objective {objective} learns from teachers, and teachers: {dict(known)}; "
            "name teachers in the recipe, or leave the objective out"
        )
    return {name: known[name] for name in chosen}


def projection_head(kind: str, student: int, teacher: int) -> nn.Module:
    """A head from the student's channels to the teacher's, as `HeadConfig.head` names it."""
    if kind == "linear":
        return nn.Linear(student, teacher)
    hidden = max(student, teacher)
    return nn.Sequential(nn.Linear(student, hidden), nn.GELU(), nn.Linear(hidden, teacher))


class ChannelStatistics(nn.Module):
    """Mean and deviation of a teacher's channels over the train proteins.

    Parameters
    ----------
    mean, deviation
        float32 [channel].

    Attributes
    ----------
    mean, deviation
        The same. They belong to the teacher, not to the state of what learns from it.
    varies
        bool [channel]: the deviation is more than rounding of the mean.
    """

    mean: Tensor
    deviation: Tensor
    varies: Tensor

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        mean, deviation = mean.detach().float().clone(), deviation.detach().float().clone()
        varies = (deviation > 0) & (deviation > ROUNDING * mean.abs())
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("deviation", deviation, persistent=False)
        self.register_buffer("varies", varies, persistent=False)

    def standardised(self, vectors: Tensor) -> Tensor:
        """Vectors [..., channel] in deviations from the mean; 0 in a channel that does not vary."""
        inside = torch.where(self.varies, self.deviation, 1.0)
        return torch.where(self.varies, (vectors - self.mean) / inside, 0.0)

    def direction(self, vectors: Tensor) -> Tensor:
        """Unit vectors [..., channel] from the mean; about 0 where nothing but rounding differs."""
        apart = vectors - self.mean
        least = ROUNDING * torch.linalg.vector_norm(self.mean)
        length = torch.linalg.vector_norm(apart, dim=-1, keepdim=True)
        unit: Tensor = apart / length.clamp(min=1e-12).maximum(least)
        return unit


class StatisticsOfTeachers(nn.Module):
    """`ChannelStatistics` of several teachers.

    Parameters
    ----------
    moments
        Mean and deviation, float32 [channel], by the teachers' names.
    """

    def __init__(self, moments: Mapping[str, tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.names = tuple(moments)
        self.each = nn.ModuleList(ChannelStatistics(*both) for both in moments.values())

    @classmethod
    def of_vectors(cls, teachers: Mapping[str, TeacherFacts]) -> Self:
        """Those of protein vectors."""
        return cls({name: (facts.mean, facts.deviation) for name, facts in teachers.items()})

    def __getitem__(self, teacher: int) -> ChannelStatistics:
        return cast(ChannelStatistics, self.each[teacher])

    def refuse_constant(self, objective: str, which: str) -> None:
        """Raise `ConfigError`, naming the teacher, where no channel of its `which` varies."""
        for number, name in enumerate(self.names):
            if not bool(self[number].varies.any()):
                raise ConfigError(
                    f"objective {objective}: none of the {len(self[number].mean)} channels of "
                    f"{name}'s {which} varies over the train proteins, so there is nothing to "
                    "learn; look at the teacher's store, or leave it out of the option teachers"
                )


def student_prefixes(student: Tensor, widths: tuple[int, ...]) -> list[Tensor]:
    """The student's vectors [..., channel] once for each width, with zeros behind it.

    A head whose first map is linear then uses its first columns alone, and cosines are those of
    the first channels.
    """
    total = student.shape[-1]
    return [functional.pad(student[..., :width], (0, total - width)) for width in widths]
