"""What a term starts from, and one round of messages between terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.utils import scatter

from multiprot_go_graph.sparse_rows import SparseRows

_SMALL: Final = 0.02
"""Standard deviation of everything a term starts from."""


@dataclass(frozen=True, slots=True, eq=False)
class Messages:
    """The edges of one round, for as many targets as the round concerns.

    Attributes
    ----------
    nodes
        Number of targets; they are the first of all nodes.
    sources
        int64 [edge]: nodes that send.
    slots
        int64 [edge]: target times number of relations, plus relation.
    weights
        float32 [edge, 1]: one over the number of senders in the slot.
    """

    nodes: int
    sources: Tensor
    slots: Tensor
    weights: Tensor


class RelationalLayer(nn.Module):
    """Mean of the senders' states per relation, mixed and added to the target's own state.

    Relational graph convolution (Schlichtkrull et al. 2018) with norm before, residual around.
    """

    def __init__(self, width: int, relations: int, dropout: float) -> None:
        super().__init__()
        self.relations = relations
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear((relations + 1) * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, messages: Messages) -> Tensor:
        """States [target, channel] from states [node, channel]."""
        width = states.shape[1]
        normed = self.norm(states)
        sent = normed.index_select(0, messages.sources) * messages.weights.to(normed.dtype)
        slots = messages.nodes * self.relations
        received = scatter(sent, messages.slots, dim=0, dim_size=slots, reduce="sum")
        own = normed[: messages.nodes]
        mixed = self.mix(
            torch.cat([own, received.view(messages.nodes, self.relations * width)], dim=1)
        )
        change: Tensor = self.dropout(F.gelu(mixed))
        return states[: messages.nodes] + change


class TermInput(nn.Module):
    """A term's first state: its ancestors, the words of its name, namespace, depth, information.

    Parameters
    ----------
    width
        Channels of a state.
    terms
        Terms of the ontology.
    depths
        Different depths in the ontology.
    identity_rank, text_buckets, text_rank
        As in `GoGraphOptions`.
    information
        Terms have an information content.
    """

    def __init__(
        self,
        width: int,
        terms: int,
        depths: int,
        identity_rank: int,
        text_buckets: int,
        text_rank: int,
        information: bool,
    ) -> None:
        super().__init__()
        # All parts start equally small (the norms after them take the scale away): an optimizer
        # that moves every number by about its learning rate then turns a term's vector in a few
        # steps, and what terms have in common does not drown what tells them apart.
        self.namespace = _small_embedding(3, width)
        self.depth = _small_embedding(depths, width)
        self.identity: nn.Parameter | None = None
        self.words: nn.Parameter | None = None
        if identity_rank:
            # A term that training never meets adds little to what its ancestors say.
            self.identity = nn.Parameter(torch.randn(terms, identity_rank) * _SMALL)
            self.from_identity = nn.Linear(identity_rank, width, bias=False)
        if text_buckets:
            self.words = nn.Parameter(torch.randn(text_buckets, text_rank) * _SMALL)
            self.from_words = nn.Linear(text_rank, width, bias=False)
        self.information: nn.Parameter | None = None
        if information:
            self.information = nn.Parameter(torch.randn(width) * _SMALL)

    def forward(
        self,
        namespaces: Tensor,
        depths: Tensor,
        ancestors: SparseRows | None,
        words: SparseRows | None,
        information: Tensor | None,
    ) -> Tensor:
        """First states [node, channel].

        `namespaces` and `depths` are int64 [node], `information` is a float of 0 to 1 [node].
        """
        states: Tensor = self.namespace(namespaces) + self.depth(depths)
        if self.identity is not None and ancestors is not None:
            states = states + self.from_identity(ancestors.times(self.identity))
        if self.words is not None and words is not None:
            states = states + self.from_words(words.times(self.words))
        if self.information is not None and information is not None:
            states = states + information.unsqueeze(1) * self.information
        return states


def _small_embedding(rows: int, width: int) -> nn.Embedding:
    embedding = nn.Embedding(rows, width)
    nn.init.normal_(embedding.weight, std=_SMALL)
    return embedding
