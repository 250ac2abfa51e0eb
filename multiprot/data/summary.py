"""What a corpus holds, in figures."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.data.corpus import Corpus
from multiprot.data.corpus_format import SPLITS
from multiprot.data.split_table import sequence_digest
from multiprot.data.term_tables import known_namespaces, propagated_terms
from multiprot.ontology import NAMESPACES

LENGTH_EDGES: Final = (1, 50, 100, 150, 200, 300, 400, 600, 800, 1200)
"""Residues at which the bins of the length histogram begin; the last bin has no end."""

PERCENTILES: Final = (5, 50, 95)


def summarize(corpus: Corpus) -> dict[str, Any]:
    """Counts by split, lengths, GO coverage, split overlap, exclusion and refusals.

    Everything but the refusals and the exclusion is counted anew from the records.

    Returns
    -------
    dict[str, Any]
        Plain values, ready for JSON. "go" is None for a corpus without ontology, "report" and
        "exclusion" where the build had none.
    """
    report = corpus.manifest["report"]
    return {
        "path": str(corpus.path),
        "content_hash": corpus.content_hash,
        "splits": {split: _split(corpus, split) for split in SPLITS},
        "lengths": _lengths(corpus.lengths),
        "go": _go_coverage(corpus),
        "overlap": _overlap(corpus),
        "exclusion": corpus.manifest["exclusion"],
        "report": None if report is None else report["inputs"],
    }


def _split(corpus: Corpus, split: str) -> dict[str, int]:
    rows = corpus.rows(split)
    return {
        "proteins": len(rows),
        "residues": int(corpus.lengths[rows].sum()),
        "structures": int(corpus.has_structure[rows].sum()),
        "annotated": int(corpus.has_go[rows].sum()),
        "structures_and_annotated": int((corpus.has_structure & corpus.has_go)[rows].sum()),
    }


def _lengths(lengths: NDArray[np.int64]) -> dict[str, Any]:
    counts, _ = np.histogram(lengths, bins=[*LENGTH_EDGES, np.inf])
    return {
        "min": int(lengths.min()),
        "max": int(lengths.max()),
        "percentiles": {
            str(p): float(value)
            for p, value in zip(PERCENTILES, np.percentile(lengths, PERCENTILES), strict=True)
        },
        "histogram": [
            {"from": start, "proteins": int(count)}
            for start, count in zip(LENGTH_EDGES, counts, strict=True)
        ],
    }


def _go_coverage(corpus: Corpus) -> dict[str, Any] | None:
    ontology = corpus.ontology
    if ontology is None:
        return None
    true = propagated_terms(corpus, ontology)
    known = known_namespaces(true, ontology)
    seen = np.asarray(true.sum(axis=0)).ravel() > 0
    return {
        "release": ontology.release,
        "content_hash": ontology.content_hash,
        "namespaces": {
            str(namespace): {
                "terms": int(seen[ontology.namespace_index == index].sum()),
                **{split: int(known[corpus.rows(split), index].sum()) for split in SPLITS},
            }
            for index, namespace in enumerate(NAMESPACES)
        },
    }


def _overlap(corpus: Corpus) -> dict[str, int]:
    """Sequences that two splits share, for each pair of splits; all 0 unless tampered with."""
    # One small integer per sequence: a bit for each split that holds it.
    splits_of: dict[bytes, int] = {}
    for sequence, split in corpus.columns("sequence", "split"):
        digest = sequence_digest(sequence)
        splits_of[digest] = splits_of.get(digest, 0) | 1 << SPLITS.index(split)
    pairs = list(combinations(range(len(SPLITS)), 2))
    shared = Counter(
        pair
        for splits in splits_of.values()
        for pair in pairs
        if splits >> pair[0] & 1 and splits >> pair[1] & 1
    )
    return {f"{SPLITS[first]}/{SPLITS[second]}": shared[first, second] for first, second in pairs}
