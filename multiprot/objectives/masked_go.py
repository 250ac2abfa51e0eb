"""Masked GO terms: hidden terms are guessed from the protein and from its other terms.

L = mean over hidden terms t of −log softmax(W · (token of t's place) + b)[t]

15 % of a protein's terms are hidden, of these 80 % behind a learned token, 10 % behind another
term, 10 % shown: the scheme of Devlin et al. 2019, arXiv:1810.04805, on GO terms in MASSA (Hu et
al. 2023, Adv. Sci. 10(22) 2301223). Candidates are the terms that at least `min_proteins` train
proteins have in their sets. Terms have no order: two hidden ones of a protein that both show the
learned token get the same guess, so what is learnt is the set's missing part.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from multiprot.encoders.contract import (
    HIDDEN_TERM,
    FusionOutputs,
    Objective,
    ObjectiveContext,
    ObjectiveResult,
    ProteinBatch,
)
from multiprot.encoders.plugin import Modality
from multiprot.errors import ConfigError
from multiprot.objectives.configs import MaskedGoConfig
from multiprot.objectives.gather import joint_means
from multiprot.objectives.masking import choose_items

_NOT_LEARNT = -1


class MaskedGo(Objective):
    """Hides terms in `corrupt`, guesses them in `forward`.

    Raises
    ------
    ConfigError
        If the model reads no GO terms, or none is frequent enough.
    """

    name: ClassVar[str] = "masked-go"
    hides_residues: ClassVar[bool] = False
    needs: ClassVar[frozenset[Modality | Literal["spans"]]] = frozenset({Modality.GO})
    classes: Tensor
    vocabulary: Tensor

    def __init__(self, config: MaskedGoConfig, context: ObjectiveContext) -> None:
        super().__init__()
        self.config = config
        width, counts = context.go_width, context.go_set_counts
        if width is None or counts is None:
            raise ConfigError(
                "objective masked-go guesses GO terms that the model reads, but this one reads "
                "none; set fusion.go_exchange in the model, or leave the objective out"
            )
        frequent = (counts.cpu() >= config.min_proteins).nonzero().squeeze(1)
        if not len(frequent):
            raise ConfigError(
                f"objective masked-go: no GO term is in the sets of {config.min_proteins} train "
                "proteins; lower its option min_proteins, or leave the objective out"
            )
        classes = torch.full_like(counts.cpu(), _NOT_LEARNT)
        classes[frequent] = torch.arange(len(frequent))
        # Class of each term of the ontology, and term of each class.
        self.register_buffer("classes", classes)
        self.register_buffer("vocabulary", frequent)
        self.most_frequent = int(counts.cpu()[frequent].argmax())
        shares = counts.cpu()[frequent].float()
        self.head = nn.Linear(width, len(frequent))
        with torch.no_grad():
            self.head.bias.copy_((shares / shares.sum()).log())
            self.head.weight.mul_(0.1)

    def corrupt(self, batch: ProteinBatch, rng: torch.Generator) -> ProteinBatch:
        """The batch with terms hidden from the model."""
        go_set = batch.go_set
        if go_set is None:
            return batch
        terms = go_set.terms.cpu()
        before = go_set.hidden.cpu()
        hidden = choose_items(self._learnt(terms) & ~before, self.config.rate, rng)
        lots = torch.rand(terms.shape, generator=rng)
        drawn = torch.randint(len(self.vocabulary), terms.shape, generator=rng)
        others = self.vocabulary.cpu()[drawn]
        masked_share = 1 - self.config.substitute_share - self.config.keep_share
        shown = torch.where(lots < 1 - self.config.keep_share, others, terms)
        shown = torch.where(lots < masked_share, HIDDEN_TERM, shown)
        device = go_set.terms.device
        corrupted = replace(
            go_set,
            shown=torch.where(hidden, shown, go_set.shown.cpu()).to(device),
            hidden=(hidden | before).to(device),
        )
        return replace(batch, go_set=corrupted)

    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
        """Cross-entropy over the hidden terms; metrics beside the most frequent term."""
        tokens, targets = self._hidden(outputs, batch)
        logits = self.head(tokens).float()
        loss = functional.cross_entropy(logits, targets, reduction="sum")
        best = logits.topk(min(10, logits.shape[1]), dim=1).indices
        right = {
            "accuracy": (best[:, :1] == targets[:, None]).sum(),
            "recall_at_10": (best == targets[:, None]).sum(),
            "baseline_accuracy": (targets == self.most_frequent).sum(),
        }
        count = torch.tensor(len(targets), device=loss.device)
        means = joint_means(loss, count, right)
        return ObjectiveResult(means.loss, means.count, means.metrics)

    def _hidden(self, outputs: FusionOutputs, batch: ProteinBatch) -> tuple[Tensor, Tensor]:
        """Tokens [term, GO width] and classes, int64 [term], of what was hidden."""
        go_set, tokens = batch.go_set, outputs.go_tokens
        if go_set is None or tokens is None:
            rows = self.head.weight.new_zeros(0, self.head.in_features)
            rows = rows + outputs.protein.sum() * 0.0
            return rows, self.classes[:0]
        hidden = go_set.hidden & self._learnt(go_set.terms) & tokens.mask
        return tokens.values[hidden], self.classes[go_set.terms[hidden]]

    def _learnt(self, terms: Tensor) -> Tensor:
        """bool, as `terms`: there is a term here, and it is one of the vocabulary."""
        return (terms >= 0) & (self.classes.to(terms.device)[terms.clamp(min=0)] != _NOT_LEARNT)
