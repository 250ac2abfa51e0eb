"""Where will a representation transfer? OTFRM, distances between tasks, and scores of features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names
from multiprot.transfer.options import TransferOptions

if TYPE_CHECKING:
    from multiprot.transfer.collection import otfrm, pair_distances
    from multiprot.transfer.estimates import Draws, Estimate, estimate
    from multiprot.transfer.matrix import (
        PairResult,
        measured_pairs,
        pairs_of,
        ranked_sources,
        value_matrix,
    )
    from multiprot.transfer.measure import Labels, Measure, Outcome, Takes
    from multiprot.transfer.record import TransferRecord
    from multiprot.transfer.registry import MEASURES, measure_named
    from multiprot.transfer.sample import Sample
    from multiprot.transfer.studies import ranked, study_matrix, study_ranking
    from multiprot.transfer.task_samples import (
        samples_of_models,
        samples_of_tasks,
        sequence_sample,
        task_sample,
    )
    from multiprot.transfer.trace import checkpoint_sources, run_corpus, study_trace

_HOMES: Final = {
    "Draws": "estimates",
    "Estimate": "estimates",
    "Labels": "measure",
    "MEASURES": "registry",
    "Measure": "measure",
    "Outcome": "measure",
    "PairResult": "matrix",
    "Sample": "sample",
    "Takes": "measure",
    "TransferRecord": "record",
    "checkpoint_sources": "trace",
    "estimate": "estimates",
    "measure_named": "registry",
    "measured_pairs": "matrix",
    "otfrm": "collection",
    "pair_distances": "collection",
    "pairs_of": "matrix",
    "ranked": "studies",
    "ranked_sources": "matrix",
    "run_corpus": "trace",
    "samples_of_models": "task_samples",
    "samples_of_tasks": "task_samples",
    "sequence_sample": "task_samples",
    "study_matrix": "studies",
    "study_ranking": "studies",
    "study_trace": "trace",
    "task_sample": "task_samples",
    "value_matrix": "matrix",
}

__all__ = [
    "Draws",
    "Estimate",
    "Labels",
    "MEASURES",
    "Measure",
    "Outcome",
    "PairResult",
    "Sample",
    "Takes",
    "TransferOptions",
    "TransferRecord",
    "checkpoint_sources",
    "estimate",
    "measure_named",
    "measured_pairs",
    "otfrm",
    "pair_distances",
    "pairs_of",
    "ranked",
    "ranked_sources",
    "run_corpus",
    "samples_of_models",
    "samples_of_tasks",
    "sequence_sample",
    "study_matrix",
    "study_ranking",
    "study_trace",
    "task_sample",
    "value_matrix",
]

__getattr__ = lazy_names(__name__, _HOMES)
