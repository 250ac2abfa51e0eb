"""Vectors for terms that have none, from their parents'. No torch."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology

Floats = NDArray[np.float64]


def standardised(vectors: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Vectors [term, channel] with mean 0 and variance 1 in every channel over the known terms.

    A channel in which all known terms agree becomes 0.
    """
    exact = vectors.astype(np.float64)
    mean, deviation = exact[known].mean(axis=0), exact[known].std(axis=0)
    # Rounding leaves a deviation of some 1e-17 where all are equal.
    varies = deviation > 1e-7 * np.abs(exact[known]).max(axis=0)
    scaled = np.where(varies, (exact - mean) / np.where(varies, deviation, 1.0), 0.0)
    return np.where(known[:, None], scaled, 0.0).astype(np.float32)


def fill_from_parents(
    vectors: NDArray[np.float32],
    known: NDArray[np.bool_],
    ontology: GeneOntology,
    spread: float,
) -> NDArray[np.float32]:
    """Vectors of all terms: known ones as they are, the others the mean of their parents'.

    Going down from the roots, so that a filled term's vector counts for its children. A root
    without a vector takes the mean of the known terms of its namespace, or of all known terms where
    that has none. To this mean is added a step in a direction that is drawn from the term's id,
    `spread` times as long as the median distance of known terms from the mean of their parents, so
    that siblings are told apart.

    Parameters
    ----------
    vectors
        float32 [term, channel].
    known
        bool [term]; not all False.
    ontology
        Its parents are those of all relations, each once.
    spread
        0 or more.
    """
    filled = vectors.astype(np.float64)
    parents = _parents(ontology)
    root_means = _root_means(filled, known, ontology)
    step = spread * _usual_step(filled, known, parents)
    for level in _levels(ontology):
        rows = level[~known[level]]
        means = parents[rows] @ filled
        rootless = np.diff(parents.indptr)[rows] == 0
        means[rootless] = root_means[ontology.namespace_index[rows[rootless]]]
        for row, mean in zip(rows, means, strict=True):
            filled[row] = mean + step * _direction(ontology.term_ids[row], len(mean))
    return filled.astype(np.float32)


def _parents(ontology: GeneOntology) -> csr_array:
    """Share of each parent in the mean of a term's parents [term, term]."""
    child, parent = np.unique(ontology.edges, axis=1)
    counts = np.bincount(child, minlength=len(ontology))
    shape = (len(ontology), len(ontology))
    return csr_array((1.0 / counts[child], (child, parent)), shape=shape)


def _levels(ontology: GeneOntology) -> list[NDArray[np.int64]]:
    """Rows by the longest way up to a root: parents always come in an earlier group."""
    # Only a term's closure holds more than the closures of all its ancestors, so that sorting by
    # size puts parents first; terms with equally many ancestors are never one above the other.
    sizes = np.diff(ontology.closure.tocsr().indptr)
    order = np.argsort(sizes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(sizes[order])) + 1)


def _root_means(filled: Floats, known: NDArray[np.bool_], ontology: GeneOntology) -> Floats:
    """Mean of the known terms of each namespace [namespace, channel]."""
    spaces = ontology.namespace_index
    means = np.tile(filled[known].mean(axis=0), (int(spaces.max()) + 1, 1))
    for space in np.unique(spaces[known]):
        means[space] = filled[known & (spaces == space)].mean(axis=0)
    return means


def _usual_step(filled: Floats, known: NDArray[np.bool_], parents: csr_array) -> float:
    """Median distance of known terms, all of whose parents are known, from their parents' mean."""
    counts = np.diff(parents.indptr)
    complete = known & (counts > 0) & np.isclose(parents @ known.astype(np.float64), 1.0)
    if not complete.any():
        # No parent and child to go by: the known terms' distance from their common mean.
        return float(np.median(np.linalg.norm(filled[known] - filled[known].mean(axis=0), axis=1)))
    rows = np.flatnonzero(complete)
    return float(np.median(np.linalg.norm(filled[rows] - parents[rows] @ filled, axis=1)))


def _direction(term_id: str, channels: int) -> Floats:
    """A direction [channel] of length one: the same for an id everywhere, for ever."""
    seed = int.from_bytes(hashlib.sha256(term_id.encode()).digest()[:8], "big")
    # PCG64's raw stream is stable between versions of numpy; that of its distributions is not.
    bits = np.random.PCG64(seed).random_raw(2 * channels).astype(np.float64)
    first, second = (bits.reshape(2, channels) + 1.0) / 2.0**64
    drawn = np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second)
    return np.asarray(drawn / np.linalg.norm(drawn))
