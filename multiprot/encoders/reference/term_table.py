"""`term-table`: a learned row per GO term, summed along the true path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from multiprot.encoders.contract import GoEncoder, refuse_rebinding
from multiprot.encoders.reference.plugins import TermTableConfig
from multiprot.errors import PluginError

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology


class TermTable(GoEncoder):
    """A term's vector is the normalised sum of its own row and its ancestors' rows.

    A term never seen in training has a row that is still small beside its ancestors', so that it
    lies near its parents. That makes the vectors a picture of the DAG.
    """

    table: nn.Embedding | None
    ancestor_rows: Tensor
    ancestor_starts: Tensor

    def __init__(self, config: TermTableConfig) -> None:
        super().__init__()
        self.term_dim = config.width
        self.norm = nn.LayerNorm(config.width)
        self.table = None

    def bind(self, ontology: GeneOntology) -> None:
        """Make one row per term of `ontology`; binding the same content again changes nothing.

        Raises
        ------
        PluginError
            If it is already bound to another ontology.
        """
        if self.ontology is not None:
            refuse_rebinding(self.ontology, ontology, "term-table")
            return
        closure = ontology.closure.tocsr()
        self.register_buffer("ancestor_rows", _int64(closure.indices), persistent=False)
        self.register_buffer("ancestor_starts", _int64(closure.indptr), persistent=False)
        self.table = nn.Embedding(len(ontology), self.term_dim)
        nn.init.normal_(self.table.weight, std=0.02)
        self.ontology = ontology

    def forward(self, terms: Tensor) -> Tensor:
        """Vectors [term, width] of `terms`, int64 [term], rows of `GeneOntology.term_ids`.

        Raises
        ------
        PluginError
            If no ontology is bound.
        """
        if self.table is None:
            raise PluginError("term-table has no ontology yet; call bind(ontology) first")
        starts = self.ancestor_starts[terms]
        counts = self.ancestor_starts[terms + 1] - starts
        ends = counts.cumsum(0)
        offsets = ends - counts
        steps = torch.arange(int(counts.sum()), device=terms.device)
        rows = self.ancestor_rows[steps + torch.repeat_interleave(starts - offsets, counts)]
        sums = functional.embedding_bag(rows, self.table.weight, offsets, mode="sum")
        vectors: Tensor = self.norm(sums)
        return vectors


def _int64(array: NDArray[Any]) -> Tensor:
    # A copy: the ontology's arrays are read-only, which torch cannot express.
    return torch.from_numpy(np.array(array, np.int64))
