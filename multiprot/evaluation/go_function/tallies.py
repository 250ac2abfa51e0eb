"""What each protein has right and wrong at each threshold, counted or weighed by accretion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.go_function.namespace_graph import NamespaceGraph
from multiprot.evaluation.go_function.scores import propagated_blocks

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Weights = NDArray[np.float64]
"""float64 [term of the namespace]: what a term counts; 0 leaves it out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProteinTallies:
    """Sums of the weights of terms, by protein.

    Attributes
    ----------
    hits
        float64 [protein, threshold]: true terms that are predicted.
    wrong
        float64 [protein, threshold]: predicted terms that are not true.
    true
        float64 [protein]: true terms.
    """

    hits: NDArray[np.float64]
    wrong: NDArray[np.float64]
    true: NDArray[np.float64]


def protein_tallies(
    scores: csr_array,
    truth: csr_array,
    graph: NamespaceGraph,
    thresholds: NDArray[np.float64],
    weightings: Sequence[Weights],
) -> tuple[ProteinTallies, ...]:
    """Tallies under each weighting.

    Parameters
    ----------
    scores
        float64 [protein, term of the ontology], not propagated.
    truth
        Bool [protein, term of the namespace], propagated.
    graph
        The namespace.
    thresholds
        float64 [threshold], ascending, above 0. A term is predicted at a threshold if its
        propagated score is not below it.
    weightings
        One or more.
    """
    blocks: list[list[ProteinTallies]] = [[] for _ in weightings]
    for start, block in propagated_blocks(scores, graph):
        known = truth[start : start + block.shape[1]]
        predicted = _Predicted(block, known.T.toarray(), thresholds)
        for parts, weights in zip(blocks, weightings, strict=True):
            parts.append(predicted.tallies(known, weights))
    return tuple(_joined(parts) for parts in blocks)


class _Predicted:
    """Terms of a block of proteins with a score at or above the lowest threshold."""

    def __init__(
        self,
        block: NDArray[np.float64],
        truth: NDArray[np.bool_],
        thresholds: NDArray[np.float64],
    ) -> None:
        self._shape = (block.shape[1], len(thresholds))
        self._term, protein = np.nonzero(block >= thresholds[0])
        # The highest threshold at which the term is predicted; at all lower ones it is, too.
        highest = np.searchsorted(thresholds, block[self._term, protein], side="right") - 1
        self._cell = protein * len(thresholds) + highest
        self._true = truth[self._term, protein]

    def tallies(self, truth: csr_array, weights: Weights) -> ProteinTallies:
        return ProteinTallies(
            hits=self._sums(weights, self._true),
            wrong=self._sums(weights, ~self._true),
            true=truth.astype(np.float64) @ weights,
        )

    def _sums(self, weights: Weights, which: NDArray[np.bool_]) -> NDArray[np.float64]:
        size = self._shape[0] * self._shape[1]
        exactly: NDArray[Any] = np.bincount(
            self._cell[which], weights=weights[self._term[which]], minlength=size
        )
        return np.cumsum(exactly.reshape(self._shape)[:, ::-1], axis=1)[:, ::-1]


def _joined(parts: Sequence[ProteinTallies]) -> ProteinTallies:
    return ProteinTallies(
        hits=np.concatenate([part.hits for part in parts]),
        wrong=np.concatenate([part.wrong for part in parts]),
        true=np.concatenate([part.true for part in parts]),
    )
