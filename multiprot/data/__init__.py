"""Records on disk to batches: corpus, split, sampler, collate.

Names are loaded at first use, so that building a corpus does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.data.batch_config import BatchConfig
    from multiprot.data.build import build_corpus
    from multiprot.data.build_options import CorpusBuildOptions
    from multiprot.data.collate import Collator
    from multiprot.data.corpus import Corpus
    from multiprot.data.corpus_writer import CorpusWriter
    from multiprot.data.datasets import PlannedDataset, batch_loader
    from multiprot.data.go_labels import GoLabels
    from multiprot.data.sampler import PlannedBatches, sweep
    from multiprot.data.statistics import residue_frequencies
    from multiprot.data.synthetic import SyntheticOptions, make_synthetic_corpus

_MODULES: Final = {
    "BatchConfig": "batch_config",
    "Collator": "collate",
    "Corpus": "corpus",
    "CorpusBuildOptions": "build_options",
    "CorpusWriter": "corpus_writer",
    "GoLabels": "go_labels",
    "PlannedBatches": "sampler",
    "PlannedDataset": "datasets",
    "SyntheticOptions": "synthetic",
    "batch_loader": "datasets",
    "build_corpus": "build",
    "make_synthetic_corpus": "synthetic",
    "residue_frequencies": "statistics",
    "sweep": "sampler",
}

__all__ = [
    "BatchConfig",
    "Collator",
    "Corpus",
    "CorpusBuildOptions",
    "CorpusWriter",
    "GoLabels",
    "PlannedBatches",
    "PlannedDataset",
    "SyntheticOptions",
    "batch_loader",
    "build_corpus",
    "make_synthetic_corpus",
    "residue_frequencies",
    "sweep",
]

__getattr__ = lazy_names(__name__, _MODULES)
