"""Protein–GO contrast: symmetric InfoNCE over propagated term sets.

With cosines s, scale κ = 1 / temperature, P(p) the terms true of protein p, N(p) those known to be
false (`GoTargets.negative`: another term of a namespace in which p is annotated) and
ℓ = κ·s + c·log π, π the term's frequency and c the prior correction,

  protein → terms  Lp = Σ_{t∈P(p)} w_t · −log( e^ℓpt / (e^ℓpt + Σ_{n∈N(p)} e^ℓpn) ) / Σ_{t∈P(p)} w_t
  terms → proteins Lt = mean over p with t∈P(p) of
                        −log( e^κs_pt / (e^κs_pt + Σ_{q: t∈N(q)} e^κs_qt) )

  L = (a · mean of Lp over proteins + b · w-weighted mean of Lt over terms) / (a + b)

A true term is in no denominator but its own, and what is not known is in none. Without a prior
correction protein → terms is the normalised-temperature loss (Sohn 2016; van den Oord et al. 2018,
arXiv:1807.03748) over many positives; logit adjustment is Menon et al. 2021, arXiv:2007.07314.

Of pytorch-metric-learning, `NTXentLoss` has the same denominators when it is given the pairs, but
holds a matrix of positive pairs × negative pairs: 64 proteins × 30 true × 4,000 candidate terms
are 2 GB a copy. `SupConLoss` is lean, but puts all positives of an anchor into every denominator:
a protein's true terms would push each other away. So the sums are taken here; the tests compare
with both where the definitions coincide.

Terms → proteins sums over the proteins of all processes: each process contributes the log-sum of
its negatives per term, not its proteins. A protein and a term that only another process has among
its candidates are not compared, since whether the term is true is not known here.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from multiprot.encoders.contract import (
    FusionOutputs,
    Objective,
    ObjectiveContext,
    ObjectiveResult,
    ProteinBatch,
)
from multiprot.encoders.plugin import Modality
from multiprot.objectives.configs import GoContrastConfig
from multiprot.objectives.gather import JointMeans, gather_rows, global_mean, joint_means
from multiprot.objectives.go_terms import Candidates, candidates_of, term_priors
from multiprot.objectives.numeric import (
    NOTHING,
    LearnedScale,
    masked_log_sum,
    masked_sum,
    recall_at,
)


class GoContrast(Objective):
    """Contrast in both directions with a learned temperature."""

    name: ClassVar[str] = "go-contrast"
    needs: ClassVar[frozenset[Modality | Literal["spans"]]] = frozenset({Modality.GO})
    log_prior: Tensor
    weights: Tensor

    def __init__(self, config: GoContrastConfig, context: ObjectiveContext) -> None:
        super().__init__()
        self.config = config
        self.scale = LearnedScale(config.temperature)
        log_prior = term_priors(context, self.name).log()
        informative = config.positives == "information"
        weights = -log_prior if informative else torch.ones_like(log_prior)
        self.register_buffer("log_prior", log_prior)
        self.register_buffer("weights", weights, persistent=False)

    def scores(self, projected: Tensor, go_projected: Tensor, terms: Tensor) -> Tensor:
        """How strongly each term is claimed of each protein, with the term's prior added back.

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
            float32 [protein, term]: cosine / temperature + c·log(term frequency).
        """
        cosines = projected.float() @ go_projected.float().T
        scores: Tensor = self.scale() * cosines
        return scores + self.config.prior_correction * self.log_prior[terms]

    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
        """The mean of both directions, by their weights."""
        pairs = candidates_of(outputs, batch)
        terms = pairs.targets.terms
        raw = self.scale() * pairs.cosines
        adjusted = raw + self.config.prior_correction * self.log_prior[terms]
        from_proteins = self._protein_to_terms(adjusted, pairs)
        from_terms = self._terms_to_proteins(raw, pairs)
        a, b = self.config.protein_weight, self.config.term_weight
        loss = (a * from_proteins.loss + b * from_terms) / (a + b)
        metrics = from_proteins.metrics | {
            "protein_to_terms": from_proteins.loss.detach(),
            "terms_to_proteins": from_terms.detach(),
            "temperature": 1 / self.scale().detach(),
        }
        return ObjectiveResult(loss, from_proteins.count, metrics)

    def _protein_to_terms(self, logits: Tensor, pairs: Candidates) -> JointMeans:
        positive, negative = pairs.targets.positive, pairs.targets.negative
        weights = torch.where(positive, self.weights[pairs.targets.terms], 0.0)
        log_negatives = masked_log_sum(logits, negative, dim=1)
        losses = functional.softplus(log_negatives[:, None] - logits)
        total = weights.sum(dim=1)
        usable = (total > 0) & negative.any(dim=1)
        per_protein = (weights * losses).sum(dim=1) / torch.where(usable, total, 1.0)
        recall = recall_at(logits.detach(), positive, positive | negative)
        return joint_means(
            masked_sum(per_protein, usable),
            usable.sum(),
            {"recall_at_10": masked_sum(recall, usable)},
        )

    def _terms_to_proteins(self, logits: Tensor, pairs: Candidates) -> Tensor:
        terms, positive = pairs.targets.terms, pairs.targets.positive
        log_negatives, positives = over_processes(
            terms, masked_log_sum(logits, pairs.targets.negative, dim=0), positive.sum(dim=0)
        )
        losses = functional.softplus(log_negatives[None, :] - logits)
        has_negatives = log_negatives.detach() > NOTHING / 2
        weights = self.weights[terms] * has_negatives / positives.clamp(min=1)
        weights = torch.where(positive, weights, 0.0)
        return global_mean((weights * losses).sum(), weights.sum())


def over_processes(
    terms: Tensor, log_negatives: Tensor, positives: Tensor
) -> tuple[Tensor, Tensor]:
    """Sums per term over the proteins of all processes, for this process's terms.

    Parameters
    ----------
    terms
        int64 [term], unique.
    log_negatives
        [term], log-sum of this process's negatives; differentiable.
    positives
        int64 [term], number of this process's positives.

    Returns
    -------
    tuple[Tensor, Tensor]
        The same two, over all processes.
    """
    log_sums, counts = gather_rows(log_negatives), gather_rows(positives)
    union, row = torch.unique(gather_rows(terms), return_inverse=True)
    highest = log_sums.new_full(union.shape, NOTHING)
    highest = highest.scatter_reduce(0, row, log_sums.detach(), "amax")
    sums = torch.zeros_like(highest).index_add(0, row, (log_sums - highest[row]).exp())
    joint_counts = torch.zeros_like(union).index_add(0, row, counts)
    own = torch.searchsorted(union, terms)
    return (highest + sums.log())[own], joint_counts[own]
