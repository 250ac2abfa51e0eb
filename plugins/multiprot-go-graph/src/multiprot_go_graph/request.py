"""A request for terms, laid out as tensors once and kept for when it comes again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from multiprot_go_graph.layers import Messages
from multiprot_go_graph.options import GoGraphOptions
from multiprot_go_graph.relations import Neighbourhood, RelationGraph
from multiprot_go_graph.release import refuse_foreign_rows
from multiprot_go_graph.sparse_rows import SparseRows
from multiprot_go_graph.text import hashed_text

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology

KEPT_REQUESTS = 8
"""Layouts kept: a training vocabulary, a validation vocabulary and a few more."""


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """Everything that depends on which terms are asked for, but not on parameters.

    Attributes
    ----------
    terms
        int64 [node]: rows of the ontology.
    namespaces, depths
        int64 [node].
    ancestors, words
        Rows of identity and text tables, or None where the encoder has none.
    rounds
        Edges of each round, the widest first.
    order
        int64 [term]: node of each requested term.
    """

    terms: Tensor
    namespaces: Tensor
    depths: Tensor
    ancestors: SparseRows | None
    words: SparseRows | None
    rounds: tuple[Messages, ...]
    order: Tensor


class RequestBook:
    """Lays out requests on one ontology.

    Parameters
    ----------
    ontology
        The bound release.
    options
        The encoder's.

    Attributes
    ----------
    relations
        Number of relations messages are kept apart by.
    depths
        Number of different depths.
    """

    def __init__(self, ontology: GeneOntology, options: GoGraphOptions) -> None:
        self._layers = options.layers
        self._graph = RelationGraph(ontology, both=options.direction == "both")
        self._namespaces = np.asarray(ontology.namespace_index)
        self._depth = np.asarray(ontology.depth)
        self._ancestors = _ancestors(ontology) if options.identity_rank else None
        self._words = _words(ontology, options.text_buckets) if options.text_buckets else None
        self._kept: OrderedDict[tuple[bytes, str], Request] = OrderedDict()
        self.relations = self._graph.relations
        self.depths = int(self._depth.max(initial=0)) + 1

    def request(self, terms: Tensor) -> Request:
        """The layout for `terms`, int64 [term], on their device; the same terms cost nothing again.

        Raises
        ------
        PluginError
            If a row is not one of the ontology's.
        """
        rows = terms.detach().cpu().numpy()
        key = (rows.tobytes(), str(terms.device))
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if len(rows):
            refuse_foreign_rows("go-graph", rows.min(), rows.max(), len(self._namespaces))
        made = self._lay_out(rows, terms.device)
        self._kept[key] = made
        if len(self._kept) > KEPT_REQUESTS:
            self._kept.popitem(last=False)
        return made

    def _lay_out(self, rows: NDArray[np.int64], device: torch.device) -> Request:
        unique, order = np.unique(rows, return_inverse=True)
        near = self._graph.neighbourhood(unique, self._layers)
        return Request(
            terms=_tensor(near.terms, device),
            namespaces=_tensor(self._namespaces[near.terms], device),
            depths=_tensor(self._depth[near.terms], device),
            ancestors=_rows(self._ancestors, near.terms, device),
            words=_rows(self._words, near.terms, device),
            rounds=tuple(
                self._messages(near, reach, device) for reach in reversed(range(self._layers))
            ),
            order=_tensor(order, device),
        )

    def _messages(self, near: Neighbourhood, reach: int, device: torch.device) -> Messages:
        """The round that brings all terms at most `reach` edges away up to date."""
        edges = near.edges[reach]
        slots = near.targets[:edges] * self.relations + near.slots[:edges]
        return Messages(
            nodes=near.nodes[reach],
            sources=_tensor(near.sources[:edges], device),
            slots=_tensor(slots, device),
            weights=_tensor(near.weights[:edges, None], device),
        )


def _ancestors(ontology: GeneOntology) -> csr_array:
    """A term and its ancestors [term, term], each row of length one."""
    closure = ontology.closure.tocsr().astype(np.float32)
    counts = np.diff(closure.indptr)
    closure.data = np.repeat(1.0 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
    return closure


def _words(ontology: GeneOntology, buckets: int) -> csr_array:
    """Hashed names [term, bucket]; a term named by its id says nothing and is a row of zeros."""
    names = [ontology.name(term_id) for term_id in ontology.term_ids]
    told = [n if n != i else "" for n, i in zip(names, ontology.term_ids, strict=True)]
    return hashed_text(told, buckets)


def _tensor(array: NDArray[Any], device: torch.device) -> Tensor:
    # A copy: the ontology's arrays are read-only, which torch cannot express.
    return torch.from_numpy(np.array(array)).to(device)


def _rows(
    matrix: csr_array | None, rows: NDArray[np.int64], device: torch.device
) -> SparseRows | None:
    return None if matrix is None else SparseRows.of(matrix[rows], device)
