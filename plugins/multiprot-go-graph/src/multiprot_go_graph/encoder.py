"""The GO graph encoder: rows of terms in, one vector per term out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from multiprot_go_graph.information import information
from multiprot_go_graph.layers import RelationalLayer, TermInput
from multiprot_go_graph.options import GoGraphOptions
from multiprot_go_graph.release import ReleaseEncoder
from multiprot_go_graph.request import RequestBook

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology


class GoGraphEncoder(ReleaseEncoder):
    """Relational message passing over the GO graph.

    Shape law: [term, `term_dim`]. A term's vector is a function of the parameters, of its ancestors
    and of the terms at most `layers` edges away (up only, or up and down, as `direction` says). It
    never depends on which other terms are asked for. In memory are only the requested terms and
    that neighbourhood.

    Attributes
    ----------
    information
        float32 [term]: information content from 0 to 1, or None without it. Saved with the weights
        where it came from a file.
    portable_options
        Options without the file of information contents, which a saved model carries itself.
    """

    plugin_name: ClassVar = "go-graph"
    information: Tensor | None
    input: TermInput
    _book: RequestBook

    def __init__(self, options: GoGraphOptions) -> None:
        super().__init__()
        self.term_dim = options.width
        self._options = options
        relations = 4 if options.direction == "both" else 2
        self.layers = nn.ModuleList(
            RelationalLayer(options.width, relations, options.dropout)
            for _ in range(options.layers)
        )
        self.norm = nn.LayerNorm(options.width)
        self.portable_options: dict[str, Any] = options.model_dump(mode="json")
        if options.information == "file":
            self.portable_options |= {"information": "saved", "information_file": None}

    def _make(self, ontology: GeneOntology) -> None:
        options = self._options
        self._book = RequestBook(ontology, options)
        self.input = TermInput(
            options.width,
            terms=len(ontology),
            depths=self._book.depths,
            identity_rank=options.identity_rank,
            text_buckets=options.text_buckets,
            text_rank=options.text_rank,
            information=options.information != "none",
        )
        # What follows from the ontology is not saved beside it.
        self.register_buffer(
            "information",
            information(ontology, options),
            persistent=options.information in ("file", "saved"),
        )

    def forward(self, terms: Tensor) -> Tensor:
        """Vectors [term, `term_dim`] of `terms`, int64 [term], rows of `GeneOntology.term_ids`.

        Raises
        ------
        PluginError
            If no ontology is bound, or a row is not one of its terms.
        """
        self._bound()
        request = self._book.request(terms)
        states = self.input(
            request.namespaces,
            request.depths,
            request.ancestors,
            request.words,
            None if self.information is None else self.information[request.terms],
        )
        for layer, messages in zip(self.layers, request.rounds, strict=True):
            states = layer(states, messages)
        vectors: Tensor = self.norm(states.index_select(0, request.order))
        return vectors
