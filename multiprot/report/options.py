"""Settings of a report. No numpy here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from multiprot.config import Section
from multiprot.search.options import Metric

Projection = Literal["umap", "tsne"]
"""A way to lay out vectors in the plane."""


class ReportOptions(Section):
    """What a page shows of its inputs, and how."""

    title: str = "multiprot report"
    """Heading of the page."""
    colours: Path | None = None
    """TSV or CSV with protein_id and further columns, such as namespace, localisation or family:
    maps can be coloured by each of them."""
    annotations: Path | None = None
    """GAF, GPAD or TSV: show the GO terms that are enriched in each cluster of a map."""
    ontology: Path | None = None
    """OBO file; needed with annotations."""
    evidence: tuple[str, ...] = ()
    """Evidence codes that count, repeated for several; none: all but ND."""
    unknown_terms: Literal["error", "skip"] = "error"
    """Annotations whose GO id the ontology does not have, or has in another namespace: "error"
    stops, "skip" leaves them out."""
    speed: Path | None = None
    """JSON file, {model: residues per second}, for the plot of score against speed."""
    projections: tuple[Projection, ...] = ("umap", "tsne")
    """How maps are laid out, umap or tsne, repeated for both."""
    metric: Metric = "cosine"
    """What near means in maps and clusters: cosine looks at directions only, euclidean also at
    lengths."""
    clusters: Literal["kmeans", "hdbscan", "none"] = "kmeans"
    """How proteins are grouped: kmeans gives each protein a cluster, hdbscan only those in dense
    places."""
    cluster_count: int | None = Field(default=None, ge=2, le=100)
    """Clusters of kmeans; None: the square root of half the proteins, at most 24."""
    max_points: int = Field(default=50_000, ge=10, le=200_000)
    """Proteins of a map; of a larger store that many are drawn."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Of everything that is drawn."""

    @model_validator(mode="after")
    def _make_sense_together(self) -> Self:
        if (self.annotations is None) != (self.ontology is None):
            raise ValueError("annotations and ontology go together; give both or none")
        if self.evidence and self.annotations is None:
            raise ValueError("evidence is about annotations; add --annotations FILE")
        if self.annotations is not None and self.clusters == "none":
            raise ValueError("terms are enriched in clusters; choose kmeans or hdbscan")
        if self.cluster_count is not None and self.clusters != "kmeans":
            raise ValueError("only kmeans is told how many clusters; drop --cluster-count")
        if not self.projections:
            raise ValueError("a map needs a layout; give --projection umap or tsne")
        return self
