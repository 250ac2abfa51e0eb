"""What all objectives of distillation share: teachers, prefixes, weighting, means, metrics.

Of protein i, teacher k and width w let L_iwk be the loss of the student's first w channels. Then

  L_ik = mean over w of L_iwk,    L_i = weighting of L_ik over the teachers k that know i
  L    = mean over the proteins i of all processes that a teacher knows of L_i

The widths are `prefixes` and the whole vector, all alike (Matryoshka representation learning,
Kusupati et al. 2022, arXiv:2205.13147, which has the sum instead of the mean). They share a head:
that of w channels is the first w columns of the whole one (MRL-E there). Heads of their own could
each undo what the channels before them mean; with one head a channel must mean the same whatever
stands behind it, and there are no more parameters with than without.

A protein that a teacher does not know counts nothing towards it, and one that no teacher knows, or
of which the student has no token, counts nothing at all. What `baseline_loss` says is the loss of
always answering with the teacher's mean, the teachers weighted as in the loss.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from multiprot.encoders.contract import (
    FusionOutputs,
    Objective,
    ObjectiveContext,
    ObjectiveResult,
    ProteinBatch,
    Taught,
)
from multiprot.encoders.plugin import Modality
from multiprot.errors import ConfigError
from multiprot.fusion.idle import zero_of
from multiprot.objectives.distillation.configs import DistillationConfig
from multiprot.objectives.distillation.selector import Selector
from multiprot.objectives.distillation.weighting import (
    TeacherLosses,
    Uncertainty,
    Uniform,
    Weighted,
    Weighting,
)
from multiprot.objectives.gather import joint_means


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One teacher's losses on the proteins of this process.

    Attributes
    ----------
    known
        bool [protein]: the loss counts.
    losses
        float32 [width, protein], the whole vector last; any finite number where not known.
    baseline
        float32 [protein]: losses of an answer that knows nothing but the teacher's mean.
    view
        float32 [protein, channel]: what the teacher made of the proteins, standardised.
    told
        More metrics, float32 [protein].
    """

    known: Tensor
    losses: Tensor
    baseline: Tensor
    view: Tensor
    told: Mapping[str, Tensor] = field(default_factory=dict)


class Distillation(Objective):
    """Base of the objectives that learn from teachers.

    Parameters
    ----------
    config
        Its options.
    context
        Widths.
    views
        Names of the teachers, in the order of the lessons, and channels of their lessons' views.

    Raises
    ------
    ConfigError
        If a prefix is wider than the student's vector.
    """

    needs: ClassVar[frozenset[Modality | Literal["spans", "geometry", "teachers"]]] = frozenset(
        {"teachers"}
    )
    hides_residues: ClassVar[bool] = False

    def __init__(
        self, config: DistillationConfig, context: ObjectiveContext, views: Mapping[str, int]
    ) -> None:
        super().__init__()
        wide = [str(prefix) for prefix in config.prefixes if prefix > context.width]
        if wide:
            raise ConfigError(
                f"objective {self.name}: prefixes {', '.join(wide)}: the student's vector has "
                f"{context.width} channels; name fewer"
            )
        self.names = tuple(views)
        self.widths = tuple(sorted({*config.prefixes, context.width}))
        self.weighting = _weighting(config, context.width, tuple(views.values()))

    @abstractmethod
    def lessons(self, outputs: FusionOutputs, batch: ProteinBatch) -> list[Lesson]:
        """Losses towards each teacher, as in `names`; autocast is off."""

    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
        """The loss; of each teacher its own loss, baseline, weight and share of known proteins."""
        vectors = outputs.protein
        with torch.autocast(vectors.device.type, enabled=False):
            lessons = self.lessons(outputs, batch)
            known = torch.stack([lesson.known for lesson in lessons], dim=1)
            losses = torch.stack([lesson.losses for lesson in lessons], dim=2)
            losses = torch.where(known, losses, 0.0)
            student = vectors.detach().float()
            views = (torch.where(each.known[:, None], each.view, 0.0) for each in lessons)
            seen = TeacherLosses(
                ids=batch.ids,
                losses=losses.mean(dim=0),
                known=known,
                student=student,
                views=tuple(view.detach() for view in views),
            )
            weighted = self.weighting(seen)
        attached = vectors.reshape(-1)[:1].float().sum() * 0.0 + zero_of([self])
        told = self._told(lessons, losses.detach(), weighted)
        means = joint_means(weighted.losses.sum() + attached, known.any(dim=1).sum(), told)
        return ObjectiveResult(means.loss, means.count, self._metrics(means.metrics))

    def _told(
        self, lessons: Sequence[Lesson], losses: Tensor, weighted: Weighted
    ) -> dict[str, Tensor]:
        """Sums of this process: of all proteins, and of those that a teacher knows."""
        told = {name: each.sum() for name, each in weighted.told.items()}
        baseline = told["baseline_loss"] = torch.zeros((), device=losses.device)
        for number, (name, lesson) in enumerate(zip(self.names, lessons, strict=True)):
            of_known = {
                "loss": losses[-1, :, number],
                "baseline_loss": lesson.baseline.detach(),
                **{f"first_{w}/loss": losses[i, :, number] for i, w in self._prefixes()},
                **lesson.told,
            }
            for key, each in of_known.items():
                told[f"{name}/{key}"] = torch.where(lesson.known, each, 0.0).sum()
            weights = weighted.weights[:, number]
            baseline = baseline + torch.where(lesson.known, weights * lesson.baseline, 0.0).sum()
            told[f"{name}/weight"] = weights.sum()
            told[f"{name}/known"] = lesson.known.sum()
        return {**told, "baseline_loss": baseline.detach()}

    def _metrics(self, means: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Means over all proteins into means over those that a teacher knows."""
        whole = ("weight", "known")
        metrics = dict(means)
        for name in self.names:
            share = means[f"{name}/known"].clamp(min=1e-9)
            for key in means:
                if key.startswith(f"{name}/") and key.removeprefix(f"{name}/") not in whole:
                    metrics[key] = means[key] / share
        return metrics

    def _prefixes(self) -> list[tuple[int, int]]:
        """Place and width of each prefix that is not the whole vector."""
        return list(enumerate(self.widths[:-1]))


def taught_by(
    batch: ProteinBatch, teacher: str, width: int, token_width: int, seen: Tensor
) -> Taught:
    """What a teacher made of the batch; nothing known where the batch has nothing of it.

    Parameters
    ----------
    batch
        The proteins.
    teacher
        Its name.
    width, token_width
        Channels of its vectors and tokens.
    seen
        bool [protein, residue]: the student has a token there. Nothing else is known.
    """
    proteins, residues = seen.shape
    taught = None if batch.taught is None else batch.taught.get(teacher)
    if taught is None:
        empty = torch.zeros(proteins, width, device=seen.device)
        tokens = torch.zeros(proteins, residues, token_width, device=seen.device)
        return Taught(empty, torch.zeros_like(seen[:, 0]), tokens, torch.zeros_like(seen))
    known = taught.known & seen.any(dim=1)
    return Taught(taught.vectors, known, taught.tokens, taught.tokens_known & seen)


def _weighting(config: DistillationConfig, student: int, views: tuple[int, ...]) -> Weighting:
    if config.weighting == "uncertainty":
        return Uncertainty(len(views), config.uncertainty.bound)
    if config.weighting == "selector":
        return Selector(config.selector, student, views)
    return Uniform(mean=config.weighting == "uniform")
