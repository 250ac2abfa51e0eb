"""What the three tagging objectives have in common: tags, head and a focal loss with weights.

With p_r the softmax of the head's logits at residue r, y_r its tag and w_y the tag's weight,

  L = Σ_r w_{y_r} · (1 − p_r[y_r])^γ · (−log p_r[y_r]) / Σ_r w_{y_r}

over the known residues r of all processes: all residues of a protein that has a span of the kind
asked for, without those of spans that are too rare to be learnt. Focal loss: Lin et al. 2017,
arXiv:1708.02002. Weights w_y = (1 − β) / (1 − β^{n_y}) of a tag that n_y train residues bear: the
effective number of samples, Cui et al. 2019, arXiv:1901.05555.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import (
    FusionOutputs,
    Objective,
    ObjectiveContext,
    ObjectiveResult,
    ProteinBatch,
    SpanVocabulary,
)
from multiprot.encoders.plugin import Modality
from multiprot.errors import ConfigError
from multiprot.objectives.configs import SpanTaggingConfig
from multiprot.objectives.gather import joint_means
from multiprot.objectives.numeric import masked_sum
from multiprot.objectives.span_tags import (
    OUTSIDE,
    UNKNOWN,
    span_classes,
    tag_count,
    tag_residues,
    tags_of,
)

LEGACY_GAMMA = 2.0


class SpanTagging(Objective):
    """One tag per residue from the fused tokens.

    Raises
    ------
    ConfigError
        If the train proteins have no span of these kinds, or none that is frequent enough.
    """

    needs: ClassVar[frozenset[Modality | Literal["spans"]]] = frozenset({"spans"})
    classes: Tensor
    kinds: Tensor
    weights: Tensor

    def __init__(self, config: SpanTaggingConfig, context: ObjectiveContext) -> None:
        super().__init__()
        self.config = config
        vocabulary = self._vocabulary(context)
        classes = span_classes(vocabulary, config.kinds, config.min_proteins)
        if not bool((classes >= 0).any()):
            raise ConfigError(
                f"objective {self.name}: no {' or '.join(config.kinds)} is in "
                f"{config.min_proteins} train proteins; lower its option min_proteins"
            )
        counts = tag_residues(vocabulary, config.kinds, classes)
        self.gamma = LEGACY_GAMMA if config.legacy else config.focal_gamma
        weighted = config.class_weights == "effective" and not config.legacy
        self.register_buffer("classes", classes)
        self.register_buffer("kinds", torch.tensor([k in config.kinds for k in vocabulary.kinds]))
        self.register_buffer(
            "weights",
            effective_weights(counts, config.effective_beta)
            if weighted
            else torch.ones(len(counts)),
        )
        self.most_frequent = int(counts.argmax())
        self.norm = nn.LayerNorm(context.width)
        self.head = nn.Linear(context.width, tag_count(int(classes.max()) + 1))
        with torch.no_grad():
            self.head.bias.copy_(((counts + 1) / (counts + 1).sum()).log())
            self.head.weight.mul_(0.1)

    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
        """The focal loss; accuracy over known residues, and over those within spans."""
        tags = self._tags(outputs, batch)
        known = tags != UNKNOWN
        targets = tags[known]
        logits = self.head(self.norm(outputs.fused_tokens.values[known])).float()
        with torch.autocast(logits.device.type, enabled=False):
            losses = focal_losses(logits, targets, self.gamma)
        weights = self.weights[targets]
        means = joint_means((weights * losses).sum(), weights.sum(), {})
        right = logits.argmax(dim=1) == targets
        inside = targets != OUTSIDE
        shares = joint_means(
            losses.detach().sum() * 0,
            known.sum(),
            {
                "accuracy": right.sum(),
                "baseline_accuracy": (targets == self.most_frequent).sum(),
                "inside": inside.sum(),
                "right_inside": masked_sum(right.float(), inside),
            },
        ).metrics
        within = shares.pop("right_inside") / shares["inside"].clamp(min=1e-9)
        return ObjectiveResult(means.loss, means.count, shares | {"span_accuracy": within})

    def _tags(self, outputs: FusionOutputs, batch: ProteinBatch) -> Tensor:
        """int64 [protein, residue]; `UNKNOWN` also where the model has no token."""
        if batch.spans is None:
            return torch.full_like(batch.residues, UNKNOWN)
        tags = tags_of(batch.spans, self.classes, self.kinds, batch.residue_mask)
        return tags.masked_fill(~outputs.fused_tokens.mask, UNKNOWN)

    def _vocabulary(self, context: ObjectiveContext) -> SpanVocabulary:
        vocabulary = context.spans
        there = () if vocabulary is None else vocabulary.kinds
        missing = [kind for kind in self.config.kinds if kind not in there]
        if vocabulary is None or missing:
            raise ConfigError(
                f"objective {self.name} tags spans of kind {', '.join(self.config.kinds)}; the "
                f"corpus has {', '.join(there) or 'none'}; build it with --features (and "
                "--derive-spans), set the option kinds, or leave the objective out"
            )
        return vocabulary


def focal_losses(logits: Tensor, targets: Tensor, gamma: float) -> Tensor:
    """(1 − p)^γ · (−log p) of the true class, float32 [row]; `logits` [row, class]."""
    log_p = logits.log_softmax(dim=1).gather(1, targets[:, None]).squeeze(1)
    # The slope of x^γ at 0 is infinite for γ below 1.
    return -log_p * (1 - log_p.exp()).clamp(min=1e-6) ** gamma if gamma else -log_p


def effective_weights(counts: Tensor, beta: float) -> Tensor:
    """Weights, float32 [class], by the inverse of the effective number of `counts` [class].

    Their mean over the counted residues is one; a class that was never seen weighs as if it had
    been seen once.
    """
    number = (1 - beta ** counts.clamp(min=1).double()) / (1 - beta)
    weights = 1 / number
    return (weights * counts.sum() / (weights * counts).sum()).float()
