"""GO annotation: is this term true of this protein? One calibrated yes or no per pair.

  logit z_pt = cosine(p, t) / temperature + b_t,   b_t = log-odds of the term's frequency + offset_t
  L = Σ_{p, t: namespace of t is known for p} f(y_pt, z_pt) / number of true pairs
  f = binary cross-entropy, times `positive_weight` where y = 1, times (1 − probability of the
      truth)^γ

The sum over all candidates divided by the number of true pairs is the sigmoid contrast of SigLIP
(Zhai et al. 2023, arXiv:2303.15343), whose batches have one true pair a row; the bias starts at
the term's own log-odds, so that the first prediction is the label frequency. Both the numerator
and the divisor run over all processes. The focal factor is Lin et al. 2017, arXiv:1708.02002.
With `positive_weight` 1 and γ 0 the loss is a proper scoring rule: `scores` are log-odds.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from multiprot.encoders.contract import (
    FusionOutputs,
    Objective,
    ObjectiveContext,
    ObjectiveResult,
    ProteinBatch,
)
from multiprot.encoders.plugin import Modality
from multiprot.objectives.configs import GoAnnotationConfig
from multiprot.objectives.gather import global_mean, joint_means
from multiprot.objectives.go_terms import candidates_of, term_priors
from multiprot.objectives.numeric import LearnedScale, masked_sum, recall_at


class GoAnnotation(Objective):
    """Multi-label prediction by cosine, temperature and one bias per term."""

    name: ClassVar[str] = "go-annotation"
    needs: ClassVar[frozenset[Modality | Literal["spans"]]] = frozenset({Modality.GO})
    log_odds: Tensor

    def __init__(self, config: GoAnnotationConfig, context: ObjectiveContext) -> None:
        super().__init__()
        self.config = config
        self.scale = LearnedScale(config.temperature)
        log_odds = term_priors(context, self.name).logit()
        self.register_buffer("log_odds", log_odds)
        # The learned part is an offset, so that weight decay pulls towards the frequency.
        self.offset = nn.Parameter(torch.zeros_like(log_odds))

    def scores(self, projected: Tensor, go_projected: Tensor, terms: Tensor) -> Tensor:
        """Log-odds that each term is true of each protein.

        Parameters
        ----------
        projected
            [protein, shared], unit length.
        go_projected
            [term, shared], unit length.
        terms
            int64 [term], rows of the ontology.

        Returns
        -------
        Tensor
            float32 [protein, term].
        """
        return self._logits(projected.float() @ go_projected.float().T, terms)

    def _logits(self, cosines: Tensor, terms: Tensor) -> Tensor:
        scaled: Tensor = self.scale() * cosines
        return scaled + (self.log_odds[terms] + self.offset[terms])

    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
        """Summed cross-entropy over known pairs; `prior_loss` is that of the frequencies alone."""
        pairs = candidates_of(outputs, batch)
        targets = pairs.targets
        positive = targets.positive
        known = positive | targets.negative
        logits = self._logits(pairs.cosines, targets.terms)
        prior = self.log_odds[targets.terms].expand_as(logits)
        counted = positive if self.config.normalise == "positives" else known
        means = joint_means(
            masked_sum(self._losses(logits, positive), known),
            counted.sum(),
            {"prior_loss": masked_sum(self._losses(prior, positive), known)},
        )
        annotated = positive.any(dim=1)
        recall = recall_at(logits.detach(), positive, known)
        metrics = means.metrics | {
            "recall_at_10": global_mean(masked_sum(recall, annotated), annotated.sum()),
            "temperature": 1 / self.scale().detach(),
        }
        return ObjectiveResult(means.loss, means.count, metrics)

    def _losses(self, logits: Tensor, positive: Tensor) -> Tensor:
        """[protein, term]."""
        truth = positive.to(logits.dtype)
        losses = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
        if self.config.focal_gamma > 0:
            losses = losses * (-(-losses).expm1()).clamp(min=1e-8) ** self.config.focal_gamma
        if self.config.positive_weight != 1:
            losses = losses * torch.where(positive, self.config.positive_weight, 1.0)
        return losses
