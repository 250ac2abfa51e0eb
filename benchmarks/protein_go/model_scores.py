"""Scores of a trained bundle, with all modalities and with each one alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.protein_go.task import GoTask
from multiprot.bundle import load_bundle
from multiprot.data import Corpus
from multiprot.embedding import Embedder
from multiprot.embedding.options import EmbedOptions, Modalities

VIEWS: Final[dict[str, Modalities]] = {
    "fused": "all",
    "sequence only": "sequence",
    "structure only": "structure",
}
"""What a bundle may see, by the name it has in the table."""


class BundleScorer:
    """GO probabilities of one bundle for proteins of a corpus.

    Parameters
    ----------
    path
        A bundle trained with the objective go-annotation.
    corpus
        Where the proteins are.
    device
        Where the model runs.

    Raises
    ------
    BundleError
        If the bundle has no calibrated readout, or is damaged.
    """

    def __init__(self, path: Path, corpus: Corpus, device: str = "cpu") -> None:
        self.bundle = load_bundle(path)
        self.readout = self.bundle.load_readout()
        self._corpus = corpus
        self._device = device
        self._column = {term: at for at, term in enumerate(self.readout.term_ids)}

    def knows(self, modalities: Modalities) -> bool:
        """Whether the model can be asked with these modalities alone."""
        return modalities == "all" or getattr(self.bundle.model, modalities) is not None

    def scores(
        self, task: GoTask, rows: NDArray[np.int64], modalities: Modalities
    ) -> NDArray[np.float64]:
        """Probabilities, float64 [protein, term], seeing only `modalities` of each protein."""
        options = EmbedOptions(space="shared", modalities=modalities)
        embedder = Embedder.from_bundle(self.bundle, device=str(self._device), options=options)
        vectors = embedder.embed(self._corpus.read(rows)).vectors
        terms = torch.from_numpy(task.terms).to(self._device)
        with torch.no_grad():
            projected = self.bundle.model.project_terms(terms).cpu().numpy()
        logits = (vectors @ projected.T) * self._numbers("scale", task) + self._numbers(
            "bias", task
        )
        return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float64)

    def _numbers(self, name: str, task: GoTask) -> NDArray[np.float64]:
        columns = [self._column[term] for term in task.term_ids]
        return np.asarray(getattr(self.readout, name), dtype=np.float64)[columns]
