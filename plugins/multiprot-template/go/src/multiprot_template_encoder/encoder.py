"""One learned vector for each term: replace it by what you want to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import GoEncoder, refuse_rebinding
from multiprot.errors import PluginError
from multiprot_template_encoder.plugin import TemplateEncoderOptions

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology


class TemplateEncoder(GoEncoder):
    """[term, width]: the term's own row and that of its namespace."""

    namespace_of: Tensor

    def __init__(self, options: TemplateEncoderOptions) -> None:
        super().__init__()
        self.term_dim = options.width
        self.own: nn.Embedding | None = None
        self.shared = nn.Embedding(3, options.width)

    def bind(self, ontology: GeneOntology) -> None:
        """Make a row for each live term; called once, before the optimizer exists."""
        if self.ontology is not None:
            refuse_rebinding(self.ontology, ontology, "template-encoder")
            return
        self.ontology = ontology
        self.own = nn.Embedding(len(ontology), self.term_dim)
        self.register_buffer(
            "namespace_of", torch.tensor(ontology.namespace_index), persistent=False
        )

    def forward(self, terms: Tensor) -> Tensor:
        """Vectors of `terms`, int64 [term], rows of `GeneOntology.term_ids`."""
        if self.own is None:
            raise PluginError("template-encoder has no ontology yet; call bind(ontology) first")
        vectors: Tensor = self.own(terms) + self.shared(self.namespace_of[terms])
        return vectors
