"""Finding a protein's GO terms among all that were learnt: ranks, beside those by frequency."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from multiprot.encoders.contract import ProteinBatch
from multiprot.fusion import FusionModel

RECALL_AT = 10

Scores = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(projected [protein, shared], go_projected [term, shared], terms [term]) to [protein, term]."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """How well terms are found.

    Attributes
    ----------
    reciprocal_rank
        Mean over proteins of 1 / rank of the best ranked true term.
    recall_at_10
        Mean over proteins of the share of true terms among the ten best ranked; of a protein with
        more than ten, ten are the whole.
    proteins
        How many proteins had a true and a false term.
    """

    reciprocal_rank: float
    recall_at_10: float
    proteins: int


def rank_terms(scores: Tensor, positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
    """Reciprocal rank and recall at 10 of each protein; ties count against it.

    Parameters
    ----------
    scores
        [protein, term].
    positive, negative
        bool [protein, term]: known to be true, known to be false; others do not compete.

    Returns
    -------
    tuple[Tensor, Tensor]
        float64 [protein] each, of the proteins with at least one true and one false term.
    """
    usable = positive.any(dim=1) & negative.any(dim=1)
    scores, positive, negative = scores[usable].double(), positive[usable], negative[usable]
    # False terms come first, so that the stable sort leaves them ahead where scores are equal.
    order = positive.int().argsort(dim=1, stable=True)
    competing = torch.where(positive | negative, scores, -torch.inf).gather(1, order)
    hits = positive.gather(1, order).gather(
        1, competing.argsort(dim=1, descending=True, stable=True)
    )
    best = torch.where(positive, scores, -torch.inf).amax(dim=1, keepdim=True)
    ahead = (negative & (scores >= best)).sum(dim=1)
    found = hits[:, :RECALL_AT].sum(dim=1).double()
    whole = positive.sum(dim=1).clamp(max=RECALL_AT)
    return 1.0 / (1.0 + ahead.double()), found / whole


@torch.no_grad()
def measure_retrieval(
    model: FusionModel, batches: Iterable[ProteinBatch], scores: Scores, frequencies: Tensor
) -> tuple[Retrieval, Retrieval]:
    """Ranks by the model's scores and by frequency alone.

    Parameters
    ----------
    model
        In evaluation mode.
    batches
        Clean batches whose candidates are the whole vocabulary.
    scores
        How the objective that was trained scores a term.
    frequencies
        float32 [ontology term].
    """
    model_ranks, naive_ranks = [], []
    device = next(model.parameters()).device
    for batch in batches:
        if batch.go is None:
            continue
        moved = batch.to(device)
        targets, outputs = moved.go, model(moved)
        if targets is None or outputs.go_projected is None:
            continue
        ranked = scores(outputs.projected, outputs.go_projected, targets.terms).cpu()
        naive = frequencies[batch.go.terms].expand_as(ranked)
        model_ranks.append(rank_terms(ranked, batch.go.positive, batch.go.negative))
        naive_ranks.append(rank_terms(naive, batch.go.positive, batch.go.negative))
    return _mean(model_ranks), _mean(naive_ranks)


def _mean(ranks: list[tuple[Tensor, Tensor]]) -> Retrieval:
    if not ranks:
        return Retrieval(float("nan"), float("nan"), 0)
    reciprocal, recall = (torch.cat(parts) for parts in zip(*ranks, strict=True))
    return Retrieval(float(reciprocal.mean()), float(recall.mean()), len(reciprocal))
