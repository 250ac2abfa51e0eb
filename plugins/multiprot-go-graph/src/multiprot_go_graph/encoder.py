"""The GO graph encoder: rows of terms in, one vector per term out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import GoEncoder
from multiprot.errors import PluginError
from multiprot_go_graph.layers import RelationalLayer, TermInput
from multiprot_go_graph.options import GoGraphOptions
from multiprot_go_graph.request import RequestBook

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology


class GoGraphEncoder(GoEncoder):
    """Relational message passing over the GO graph.

    Shape law: [term, `term_dim`]. A term's vector is a function of the parameters, of its ancestors
    and of the terms at most `layers` edges away (up only, or up and down, as `direction` says). It
    never depends on which other terms are asked for. In memory are only the requested terms and
    that neighbourhood.
    """

    bound_hash: Tensor

    def __init__(self, options: GoGraphOptions) -> None:
        super().__init__()
        self.term_dim = options.width
        self._options = options
        self._book: RequestBook | None = None
        self._release = ""
        self.input: TermInput | None = None
        relations = 4 if options.direction == "both" else 2
        self.layers = nn.ModuleList(
            RelationalLayer(options.width, relations, options.dropout)
            for _ in range(options.layers)
        )
        self.norm = nn.LayerNorm(options.width)

    def bind(self, ontology: GeneOntology) -> None:
        """Fix the ontology and make the parameters that belong to its terms.

        Binding the same content again changes nothing.

        Raises
        ------
        PluginError
            If the encoder is already bound to another release; names both.
        """
        if self._book is not None:
            self._refuse_other(ontology)
            return
        options = self._options
        self._book = RequestBook(ontology, options)
        self._release = ontology.release
        self.input = TermInput(
            options.width,
            terms=len(ontology),
            depths=self._book.depths,
            identity_rank=options.identity_rank,
            text_buckets=options.text_buckets,
            text_rank=options.text_rank,
        )
        digest = torch.tensor(list(bytes.fromhex(ontology.content_hash)), dtype=torch.uint8)
        self.register_buffer("bound_hash", digest)

    def forward(self, terms: Tensor) -> Tensor:
        """Vectors [term, `term_dim`] of `terms`, int64 [term], rows of `GeneOntology.term_ids`.

        Raises
        ------
        PluginError
            If no ontology is bound, or a row is not one of its terms.
        """
        if self._book is None or self.input is None:
            raise PluginError("go-graph has no ontology yet; call bind(ontology) first")
        request = self._book.request(terms)
        states = self.input(request.namespaces, request.depths, request.ancestors, request.words)
        for layer, messages in zip(self.layers, request.rounds, strict=True):
            states = layer(states, messages)
        vectors: Tensor = self.norm(states.index_select(0, request.order))
        return vectors

    def _refuse_other(self, ontology: GeneOntology) -> None:
        bound = _hex(self.bound_hash)
        if bound != ontology.content_hash:
            raise PluginError(
                f"go-graph is bound to GO release {self._release} ({bound}) and cannot be bound to "
                f"{ontology.release} ({ontology.content_hash}); build another encoder"
            )

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Refuse weights of another release: their rows mean other terms."""
        saved = state_dict.get(f"{prefix}bound_hash")
        if saved is not None and self._book is None:
            raise PluginError(
                f"go-graph: weights for the GO content {_hex(saved)}, but no ontology is bound; "
                "call bind(ontology) before loading"
            )
        if saved is not None and _hex(saved) != _hex(self.bound_hash):
            raise PluginError(
                f"go-graph: weights for the GO content {_hex(saved)}, but it is bound to "
                f"{_hex(self.bound_hash)} (release {self._release}); bind the release that the "
                "weights were trained on"
            )
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _hex(digest: Tensor) -> str:
    return bytes(digest.tolist()).hex()
