"""Encoders with one fixed vector per term: where the vectors live, and the map behind them."""

from __future__ import annotations

import logging
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from multiprot_go_graph.fill import fill_from_parents, standardised
from multiprot_go_graph.placement import Coverage
from multiprot_go_graph.release import ReleaseEncoder, refuse_foreign_rows

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology
    from multiprot_go_graph.options import GoTextOptions, GoVectorsOptions

_LOG: Final = logging.getLogger("multiprot_go_graph")

Known = tuple[NDArray[np.float32], NDArray[np.bool_], Coverage]
"""Vectors [term, channel], which of them are known [term], and what the others are."""


class StaticEncoder(ReleaseEncoder):
    """A fixed vector per term, and a learned linear map where a width is asked for.

    Shape law: [term, `term_dim`]; a term's vector depends on nothing but the term.

    Attributes
    ----------
    vectors
        [term, channel]: a buffer, or a parameter with `trainable`. Random where a saved model's
        options say `stored_width`, until its weights are loaded.
    coverage
        How many terms have vectors of their own, how many were made from their parents'; None
        before `bind` and where the vectors come with a saved model.
    portable_options
        Options without the file or folder: the vectors travel with the weights.
    """

    vectors: Tensor

    def __init__(self, options: GoVectorsOptions | GoTextOptions, channels: int) -> None:
        super().__init__()
        self.coverage: Coverage | None = None
        self.project: nn.Linear | None = None
        if options.width is not None:
            self.project = nn.Linear(channels, options.width)
        self.term_dim = options.width or channels
        self.portable_options: dict[str, Any] = {
            **options.model_dump(mode="json"),
            "stored_width": channels,
        }
        self._channels = channels
        self._statics = options

    @abstractmethod
    def _known(self, ontology: GeneOntology) -> Known:
        """Vectors from the file or the text encoder; called where nothing is stored."""

    def _make(self, ontology: GeneOntology) -> None:
        if self._statics.stored_width is not None:
            vectors = torch.randn(len(ontology), self._channels)
        else:
            vectors = torch.from_numpy(self._complete(ontology))
        if self._statics.trainable:
            self.vectors = nn.Parameter(vectors)
        else:
            self.register_buffer("vectors", vectors)

    def _complete(self, ontology: GeneOntology) -> NDArray[np.float32]:
        """Vectors [term, channel] of all terms; what was made up is counted and logged."""
        vectors, known, coverage = self._known(ontology)
        if self._statics.standardise:
            vectors = standardised(vectors, known)
        self.coverage = coverage
        level = logging.INFO if coverage.complete else logging.WARNING
        _LOG.log(level, "%s: %s", self.plugin_name, coverage)
        return fill_from_parents(vectors, known, ontology, self._statics.spread)

    def forward(self, terms: Tensor) -> Tensor:
        """Vectors [term, `term_dim`] of `terms`, int64 [term], rows of `GeneOntology.term_ids`.

        Raises
        ------
        PluginError
            If no ontology is bound, or a row is not one of its terms.
        """
        known = len(self._bound())
        if len(terms):
            lowest, highest = terms.aminmax()
            refuse_foreign_rows(self.plugin_name, int(lowest), int(highest), known)
        picked = F.embedding(terms.to(self.vectors.device), self.vectors)
        return picked if self.project is None else self.project(picked)
