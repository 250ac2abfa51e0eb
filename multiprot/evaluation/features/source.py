"""What is asked of anything that an evaluation compares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from multiprot.evaluation.probes.rows import Features


class FeatureSource(ABC):
    """Something that has a vector for each protein and, where it can, for each residue.

    Attributes
    ----------
    name
        As tables show it; unique among the models that are compared.
    identity
        What decides its vectors, as plain values: two sources with the same identity give the same
        vectors.
    residues_embedded
        Residues that it has computed vectors of so far; what a cache or a store had is not counted.
    """

    name: str
    identity: Mapping[str, Any]
    residues_embedded: int = 0

    @abstractmethod
    def missing(self, sequences: Sequence[str], *, residues: bool) -> Mapping[str, str]:
        """Sequences that have no vector, and why; what can be computed is computed now.

        Parameters
        ----------
        sequences
            All that will be asked for.
        residues
            Whether vectors of residues will be asked for, not of proteins.
        """

    @abstractmethod
    def proteins(self, sequences: Sequence[str]) -> Features:
        """float32 [sequence, channel]; call `missing` first.

        Parameters
        ----------
        sequences
            All proteins of a task at once: a baseline's channels may depend on them.
        """

    @abstractmethod
    def residues(
        self, sequences: Sequence[str], chosen: Sequence[NDArray[np.bool_]]
    ) -> NDArray[np.float32]:
        """float32 [chosen residue, channel], of all sequences one after another.

        Parameters
        ----------
        sequences
            May repeat one another.
        chosen
            bool [residue] for each sequence.
        """
