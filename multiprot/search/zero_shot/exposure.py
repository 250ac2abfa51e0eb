"""Proteins that a model was trained on, among those it is asked about."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from multiprot.bundle import TrainingSequences


def count_trained_on(trained: TrainingSequences, sequence_hashes: Sequence[str]) -> int:
    """How many of the proteins a model was trained or validated on.

    Parameters
    ----------
    trained
        What the model says of its training.
    sequence_hashes
        As in `Embeddings`; they begin with the bytes that `trained` keeps.
    """
    joined = b"".join(base64.urlsafe_b64decode(digest)[:8] for digest in sequence_hashes)
    return int(np.isin(np.frombuffer(joined, dtype=">u8").astype(np.uint64), trained.digests).sum())
