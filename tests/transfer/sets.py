"""Small made-up sets for the tests of measures."""

from __future__ import annotations

import numpy as np

from multiprot.evaluation.tasks.task_type import Target
from multiprot.transfer import Sample


def clustered(
    name: str,
    n: int = 60,
    *,
    width: int = 8,
    classes: int = 3,
    spread: float = 0.5,
    shift: float = 0.0,
    seed: int = 0,
) -> Sample:
    """Clusters whose number is the class; other seeds draw other proteins of the same clusters."""
    centres = np.random.default_rng(99).standard_normal((classes, width)) + shift
    generator = np.random.default_rng(seed)
    of = generator.permutation(np.arange(n) % classes)
    vectors = centres[of] + spread * generator.standard_normal((n, width))
    return Sample(name, vectors.astype(np.float32), of, Target.MULTICLASS)


def with_target(sample: Sample, kind: Target, seed: int = 5) -> Sample:
    """The same vectors with labels of another kind, which depend on them."""
    first = sample.vectors[:, 0]
    if kind is Target.REGRESSION:
        noise = np.random.default_rng(seed).standard_normal(len(first))
        return Sample(sample.name, sample.vectors, first + 0.1 * noise, kind)
    if kind is Target.BINARY:
        return Sample(sample.name, sample.vectors, first > np.median(first), kind)
    if kind is Target.MULTILABEL:
        return Sample(sample.name, sample.vectors, sample.vectors[:, :3] > 0, kind)
    return sample
