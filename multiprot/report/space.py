"""The map of an embedding store: places, colours, clusters and what is enriched in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.embedding import EmbeddingStore
from multiprot.errors import ReportError
from multiprot.report.colours import ColourColumn, ColourTable, column_of
from multiprot.report.options import Projection, ReportOptions
from multiprot.report.projections import clustered, comparable, laid_out

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology
    from multiprot.ontology.enrichment import EnrichedTerm

Say = Callable[[str], None]
"""Told of each slow step as it begins."""

NAMES: Final[Mapping[Projection, str]] = {"umap": "UMAP", "tsne": "t-SNE"}
CLUSTER: Final = "cluster"
MOST_TERMS: Final = 15
"""Of a cluster, the surest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One group of proteins.

    Attributes
    ----------
    number
        From 0, by size.
    size
        Proteins in it.
    examples
        Ids of the proteins nearest to its middle.
    terms
        Enriched in it; empty also where no annotations are given.
    more_terms
        How many further ones there are.
    """

    number: int
    size: int
    examples: tuple[str, ...]
    terms: tuple[EnrichedTerm, ...] = ()
    more_terms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpaceMap:
    """All that the page shows of a store.

    Attributes
    ----------
    ids
        Of the points.
    total
        Proteins of the store; more than points where some were drawn.
    width
        Channels of a vector.
    places
        float64 [protein, 2] by projection.
    columns
        What points can be coloured by.
    clusters
        By number; none if not asked for.
    labels
        int64 [protein]: cluster, -1 for none; None if not asked for.
    annotated
        Points with a GO term, where annotations are given.
    """

    ids: tuple[str, ...]
    total: int
    width: int
    places: Mapping[Projection, NDArray[np.float64]]
    columns: tuple[ColourColumn, ...]
    clusters: tuple[Cluster, ...] = ()
    labels: NDArray[np.int64] | None = field(default=None)
    annotated: int | None = None

    def to_json(self) -> dict[str, Any]:
        """What the page's script needs."""
        return {
            "ids": list(self.ids),
            "places": [
                {"name": NAMES[name], "x": _short(xy[:, 0]), "y": _short(xy[:, 1])}
                for name, xy in self.places.items()
            ],
            "columns": [column.to_json() for column in self.columns],
            "labels": None if self.labels is None else self.labels.tolist(),
        }


def space_map(
    store: EmbeddingStore,
    options: ReportOptions,
    *,
    owner: str,
    colours: ColourTable | None = None,
    say: Say = lambda told: None,
) -> SpaceMap:
    """Lay out a store.

    Parameters
    ----------
    store
        The store.
    options
        How.
    owner
        What errors call it.
    colours
        Columns for the map.
    say
        Told of each step.

    Raises
    ------
    ReportError
        If there are too few proteins, or `colours` has none of them.
    SearchError
        If a vector cannot be compared, or annotations are about no protein of the store.
    """
    ids, vectors, lengths = _drawn(store, options)
    compared = comparable(vectors, ids, options.metric, owner)
    columns = [] if colours is None else colours.columns(ids, owner)
    say(f"{owner}: {len(ids):,} of {len(store):,} proteins")
    labels = clustered(compared, options)
    if labels is not None:
        columns.append(_cluster_column(labels))
    columns.append(column_of("length", [str(length) for length in lengths]))
    clusters = [] if labels is None else _clusters(labels, compared, ids)
    annotated = None
    if options.annotations is not None and labels is not None:
        say(f"{owner}: GO terms of {len(clusters)} clusters")
        clusters, annotated = _with_terms(clusters, labels, ids, options)
    places = {}
    for projection in dict.fromkeys(options.projections):
        say(f"{owner}: {NAMES[projection]}")
        places[projection] = laid_out(compared, projection, options.seed)
    return SpaceMap(
        ids=ids,
        total=len(store),
        width=store.width,
        places=places,
        columns=tuple(columns),
        clusters=tuple(clusters),
        labels=labels,
        annotated=annotated,
    )


def _drawn(
    store: EmbeddingStore, options: ReportOptions
) -> tuple[tuple[str, ...], NDArray[np.float32], NDArray[np.int64]]:
    """Ids, vectors and lengths of the points; of a large store no more is kept in memory."""
    rows = np.arange(len(store))
    if len(store) > options.max_points:
        generator = np.random.default_rng(options.seed)
        rows = np.sort(generator.choice(len(store), size=options.max_points, replace=False))
    ids: list[str] = []
    vectors, lengths, start = [], [], 0
    for chunk in store.chunks(residues=False):
        first, last = np.searchsorted(rows, [start, start + len(chunk.ids)])
        picked = rows[first:last] - start
        ids += [chunk.ids[row] for row in picked]
        vectors.append(np.asarray(chunk.vectors)[picked])
        lengths.append(np.asarray(chunk.lengths, dtype=np.int64)[picked])
        start += len(chunk.ids)
    return tuple(ids), np.concatenate(vectors), np.concatenate(lengths)


def _cluster_column(labels: NDArray[np.int64]) -> ColourColumn:
    return column_of(CLUSTER, [f"cluster {label + 1}" if label >= 0 else "" for label in labels])


def _clusters(
    labels: NDArray[np.int64], vectors: NDArray[np.float64], ids: Sequence[str]
) -> list[Cluster]:
    found = []
    for number in range(int(labels.max()) + 1):
        members = np.flatnonzero(labels == number)
        middle = vectors[members].mean(axis=0)
        near = np.argsort(np.linalg.norm(vectors[members] - middle, axis=1), kind="stable")[:5]
        examples = tuple(ids[row] for row in members[near])
        found.append(Cluster(number=number, size=len(members), examples=examples))
    return found


def _with_terms(
    clusters: Sequence[Cluster],
    labels: NDArray[np.int64],
    ids: tuple[str, ...],
    options: ReportOptions,
) -> tuple[list[Cluster], int]:
    """The clusters with their enriched terms, and how many proteins are annotated."""
    from multiprot.ontology import GeneOntology
    from multiprot.ontology.enrichment import EnrichmentStudies

    # The section refuses annotations without an ontology.
    if options.ontology is None:
        raise ReportError(f"{options.annotations}: no ontology; add --ontology FILE")
    ontology = GeneOntology.from_obo(options.ontology)
    terms = _terms_of(ids, options, ontology)
    studies = EnrichmentStudies(ids, terms, ontology)
    found = []
    for cluster in clusters:
        members = [ids[row] for row in np.flatnonzero(labels == cluster.number)]
        enriched = studies.enriched(members)
        found.append(
            Cluster(
                number=cluster.number,
                size=cluster.size,
                examples=cluster.examples,
                terms=tuple(enriched[:MOST_TERMS]),
                more_terms=max(0, len(enriched) - MOST_TERMS),
            )
        )
    return found, len(terms)


def _terms_of(
    ids: tuple[str, ...], options: ReportOptions, ontology: GeneOntology
) -> dict[str, set[str]]:
    """Terms of the annotated proteins, under the ids of the store."""
    from multiprot.ontology import EvidenceFilter
    from multiprot.search import AnnotationSource, read_lookups

    if options.annotations is None:
        raise ReportError("no annotations; add --annotations FILE")
    source = AnnotationSource(
        path=options.annotations,
        ontology=ontology,
        evidence=EvidenceFilter(include=frozenset(options.evidence) or None),
        on_unusable=options.unknown_terms,
    )
    terms: dict[str, set[str]] = {}
    for lookup in read_lookups(source, ids):
        pairs = lookup.terms.tocoo()
        for row, column in zip(pairs.row.tolist(), pairs.col.tolist(), strict=True):
            terms.setdefault(ids[row], set()).add(lookup.term_ids[column])
    return terms


def _short(values: NDArray[np.float64]) -> list[float]:
    """Places with three digits behind the point: less than a pixel."""
    return [round(float(value), 3) for value in values]
