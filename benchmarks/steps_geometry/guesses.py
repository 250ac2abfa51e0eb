"""What a bundle guesses of held-out structures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multiprot.bundle import load_bundle
from multiprot.data import BatchConfig, Collator, Corpus
from multiprot.data.targets import BatchTargets

SEED: Final = 7
ALONE: Final = BatchConfig(tokens_per_batch=10**6, crop_residues=None, structure_dropout=0.0)


@dataclass(frozen=True, slots=True)
class Guesses:
    """Of one protein.

    Attributes
    ----------
    id, sequence
        Of the record.
    residues
        int64 [residue with CA]: numbers of residues.
    distances
        float64 [residue with CA, residue with CA], Å: the truth.
    log_shares
        float32 [residue with CA, residue with CA, bin]: log-probabilities of distance bins.
    hidden
        bool [residue, angle]: the angle is known and was hidden when it was guessed.
    angles
        float64 [residue, angle], radians: the truth.
    vectors
        float32 [residue, angle, 2]: von Mises parameters, as `objectives.dihedral.von_mises`.
    """

    id: str
    sequence: str
    residues: NDArray[np.int64]
    distances: NDArray[np.float64]
    log_shares: NDArray[np.float32]
    hidden: NDArray[np.bool_]
    angles: NDArray[np.float64]
    vectors: NDArray[np.float32]


class Guesser:
    """Model and objectives of a bundle.

    Parameters
    ----------
    path
        The bundle; it was trained with pairwise-distance and dihedral.
    """

    def __init__(self, path: Path) -> None:
        bundle = load_bundle(path)
        self.model = bundle.model.eval()
        heads: Any = bundle.load_objectives().eval().objectives
        self.distances, self.dihedral = heads["pairwise-distance"], heads["dihedral"]
        sequence, structure = (
            getattr(each, "featurizer", None)
            for each in (self.model.sequence, self.model.structure)
        )
        self._collate = Collator(
            sequence, structure, BatchTargets(geometry=True), ALONE, training=False
        )

    def all(self, corpus: Corpus, rows: NDArray[np.int64]) -> Iterator[Guesses]:
        """Of the proteins in `rows`."""
        for row in rows:
            yield self.one(corpus, int(row))

    @torch.no_grad()
    def one(self, corpus: Corpus, row: int) -> Guesses:
        """Distances with the whole structure seen; angles with 15 % of the residues' hidden."""
        [record] = corpus.read(np.array([row]))
        batch = self._collate([record], np.array([row]))
        geometry = batch.geometry
        if geometry is None:
            raise ValueError(f"{record.id}: no CA is known")
        known = geometry.alpha_known[0]
        tokens = self.model(batch).fused_tokens.values[0]
        hiding = self.dihedral.corrupt(batch, torch.Generator().manual_seed(SEED + row))
        seen = self.model(hiding).fused_tokens.values[0]
        hidden = geometry.dihedrals_known[0] & hiding.hidden_geometry[0][:, None]
        places = geometry.alpha_carbons[0][known].double()
        return Guesses(
            record.id,
            record.sequence,
            known.nonzero()[:, 0].numpy(),
            torch.cdist(places, places).numpy(),
            self._log_shares(tokens[known]).numpy(),
            hidden.numpy(),
            geometry.dihedrals[0].double().numpy(),
            self.dihedral.head(seen).unflatten(1, (-1, 2)).numpy(),
        )

    def _log_shares(self, tokens: Tensor) -> Tensor:
        maps = self.distances.head()
        centred = tokens - tokens.mean(dim=0)
        rows = [maps.logits(token.expand_as(centred), centred) for token in centred]
        return torch.stack(rows).log_softmax(dim=2)
