"""Vectors laid out in the plane, and grouped; the same seed gives the same page."""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import ReportError
from multiprot.report.libraries import report_library
from multiprot.report.options import Projection, ReportOptions
from multiprot.search.options import Metric
from multiprot.search.vectors import checked_block

Floats = NDArray[np.float64]

COMPONENTS: Final = 50
"""Principal components that are kept of wider vectors before they are laid out or grouped."""

LEAST: Final = 10
"""Proteins below which a map says nothing."""

_NEIGHBOURS: Final = 15
_PERPLEXITY: Final = 30.0
_MOST_CLUSTERS: Final = 24


def comparable(
    vectors: NDArray[np.float32], ids: tuple[str, ...], metric: Metric, owner: str
) -> Floats:
    """Vectors whose Euclidean distances are what the metric compares, float64 [protein, channel].

    For cosine they are of length 1. Wide ones are reduced to `COMPONENTS` principal components.

    Raises
    ------
    ReportError
        If there are fewer than `LEAST`, they have one channel, or all are the same.
    SearchError
        If a vector holds NaN or has no direction; names the protein.
    """
    if len(ids) < LEAST:
        raise ReportError(f"{owner}: {len(ids)} proteins; a map needs at least {LEAST}")
    if vectors.shape[1] < 2:
        raise ReportError(f"{owner}: vectors of {vectors.shape[1]} channel; they need no map")
    found = checked_block(vectors, ids, metric, owner).compared()
    found -= found.mean(axis=0)
    if not np.ptp(found, axis=0).any():
        raise ReportError(
            f"{owner}: all {len(ids):,} vectors are the same; there is nothing to map"
        )
    if found.shape[1] <= COMPONENTS:
        return found
    decomposition = report_library("sklearn.decomposition")
    components = min(COMPONENTS, len(found))
    reduced = decomposition.PCA(components, svd_solver="randomized", random_state=0)
    return np.asarray(reduced.fit_transform(found), dtype=np.float64)


def laid_out(vectors: Floats, projection: Projection, seed: int) -> Floats:
    """Places in the plane, float64 [protein, 2].

    UMAP (McInnes et al. 2018, arXiv:1802.03426) with 15 neighbours and a least distance of 0.1, or
    t-SNE (van der Maaten & Hinton 2008) with perplexity 30; fewer where proteins are few.

    Parameters
    ----------
    vectors
        Of `comparable`.
    projection
        Which.
    seed
        The same seed and vectors give the same places on one machine.
    """
    number = len(vectors)
    if projection == "umap":
        umap = report_library("umap")
        # Several threads would make places depend on their order.
        fit = umap.UMAP(
            n_neighbors=min(_NEIGHBOURS, number - 1), min_dist=0.1, random_state=seed, n_jobs=1
        )
    else:
        manifold = report_library("sklearn.manifold")
        perplexity = min(_PERPLEXITY, (number - 1) / 3)
        fit = manifold.TSNE(perplexity=perplexity, init="pca", random_state=seed)
    with warnings.catch_warnings():
        # About spectral initialisation of separate islands, which it goes on without.
        warnings.filterwarnings("ignore", module=r"umap|sklearn")
        return np.asarray(fit.fit_transform(vectors), dtype=np.float64)


def clustered(vectors: Floats, options: ReportOptions) -> NDArray[np.int64] | None:
    """Cluster of each protein, int64 [protein], the largest 0; -1: none. None: not asked for."""
    if options.clusters == "none":
        return None
    cluster = report_library("sklearn.cluster")
    if options.clusters == "hdbscan":
        least = max(5, len(vectors) // 200)
        found = cluster.HDBSCAN(min_cluster_size=least, copy=True).fit_predict(vectors)
    else:
        wanted = options.cluster_count or cluster_count(len(vectors))
        wanted = min(wanted, len(np.unique(vectors, axis=0)))
        fit = cluster.KMeans(wanted, n_init=4, random_state=options.seed)
        found = fit.fit_predict(vectors)
    return _by_size(np.asarray(found, dtype=np.int64))


def cluster_count(proteins: int) -> int:
    """How many clusters so many proteins are divided into if nobody says."""
    return int(np.clip(round((proteins / 2) ** 0.5), 2, _MOST_CLUSTERS))


def _by_size(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same clusters numbered by size, equal ones in the order in which they first occur."""
    names, first, sizes = np.unique(labels[labels >= 0], return_index=True, return_counts=True)
    renamed = np.full(len(labels), -1, dtype=np.int64)
    for number, place in enumerate(np.lexsort((first, -sizes))):
        renamed[labels == names[place]] = number
    return renamed
