"""Records to one batch: cropping, modality dropout, features, targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multiprot.data.batch_config import BatchConfig
from multiprot.data.targets import BatchTargets
from multiprot.data.token_cache.reader import Excerpt, TokenReader
from multiprot.encoders.contract import Features, Featurizer, Layout, ProteinBatch
from multiprot.errors import DataError
from multiprot.proteins import ProteinRecord, residue_indices

PADDING: Final = -1

_EVALUATION_STEP: Final = 0
_SEEDS: Final = 2**63 - 1

TokenOrigin = Featurizer[Features] | TokenReader
"""Where a batch gets what it holds for an encoder."""


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A protein as one step sees it.

    Attributes
    ----------
    excerpt
        The whole protein and which part of it is seen.
    record
        That part, without structure where it is missing or withheld.
    reads_sequence
        Whether its sequence is in the batch.
    reads_go
        Whether a model that reads GO terms is shown its.
    draw
        Seed of what objectives draw for it.
    """

    excerpt: Excerpt
    record: ProteinRecord
    reads_sequence: bool
    reads_go: bool
    draw: int


class Collator:
    """Makes a `ProteinBatch`; picklable, for loader workers.

    Every draw is keyed by (seed, step, corpus row): the same protein at the same step is treated
    alike whatever else is in the batch, in whichever process.

    Parameters
    ----------
    sequence, structure
        The encoders' featurizers, or readers of tokens they gave earlier; None where the model has
        no such encoder: then no protein of the batch has that modality. Cached tokens are those of
        the whole protein: a crop is cut out of them, where an encoder would see the crop alone.
    targets
        What is known of the corpus that rows refer to beside its records, or None for batches
        without GO, spans, geometry and 3Di states.
    config
        Crop, dropout and candidates.
    seed
        Decides all draws.
    training
        False: no dropout, and crops do not change from step to step.
    withhold_sequence
        No protein's sequence is in the batch, even where a structure encoder asks for residues.
    """

    def __init__(
        self,
        sequence: TokenOrigin | None,
        structure: TokenOrigin | None,
        targets: BatchTargets | None,
        config: BatchConfig,
        *,
        seed: int = 0,
        training: bool = True,
        withhold_sequence: bool = False,
    ) -> None:
        self._sequence = sequence
        self._structure = structure
        self._targets = targets or BatchTargets()
        self._config = config
        self._seed = seed
        self._training = training
        self._withhold_sequence = withhold_sequence

    def __call__(
        self, records: Sequence[ProteinRecord], rows: NDArray[np.int64], step: int = 0
    ) -> ProteinBatch:
        """The batch of `records`, which are the corpus rows `rows`, at `step`.

        Raises
        ------
        DataError
            If there are no records, or not as many as rows.
        """
        if not records or len(records) != len(rows):
            raise DataError(f"a batch of {len(records)} records for {len(rows)} rows; give both")
        prepared = [
            self._prepare(record, int(row), step) for record, row in zip(records, rows, strict=True)
        ]
        has_sequence = [view.reads_sequence for view in prepared]
        has_structure = [_bears_structure(view.record) for view in prepared]
        excerpts = [view.excerpt for view in prepared]
        residues = pad_residues([view.record for view in prepared])
        return ProteinBatch(
            ids=tuple(record.id for record in records),
            residues=residues,
            residue_mask=residues != PADDING,
            sequence=self._features(self._sequence, prepared, has_sequence),
            structure=self._features(self._structure, prepared, has_structure),
            has_sequence=torch.tensor(has_sequence),
            has_structure=torch.tensor(has_structure),
            go=self._targets.terms(rows, only_present=self._config.go_candidates == "batch"),
            go_set=self._targets.sets(rows, [view.reads_go for view in prepared]),
            spans=self._targets.stretches(excerpts),
            geometry=self._targets.shapes(excerpts, [view.draw for view in prepared]),
            fold_states=self._targets.states(excerpts),
            taught=self._targets.lessons(excerpts),
        )

    def _prepare(self, whole: ProteinRecord, row: int, step: int) -> _View:
        """The record as this step sees it."""
        rng = np.random.default_rng([self._seed, step if self._training else _EVALUATION_STEP, row])
        place, structure_draw, sequence_draw, go_draw = rng.random(4)
        draw = int(rng.integers(_SEEDS))
        start, stop = crop_bounds(len(whole), self._config.crop_residues, place)
        record = whole if stop - start == len(whole) else whole.crop(start, stop)
        reads_sequence = self._sequence is not None and not self._withhold_sequence
        bears = self._structure is not None and _bears_structure(record)
        if self._training and bears and reads_sequence:
            if structure_draw < self._config.structure_dropout:
                bears = False
            elif sequence_draw < self._config.sequence_dropout:
                reads_sequence = False
        seen = record if bears else replace(record, structure=None)
        reads_go = not self._training or go_draw >= self._config.go_dropout
        return _View(Excerpt(whole, start, stop), seen, reads_sequence, reads_go, draw)

    def _features(
        self, origin: TokenOrigin | None, views: Sequence[_View], shown: Sequence[bool]
    ) -> Features | None:
        """What the batch holds for one encoder; `shown`: whether each protein has the modality."""
        if origin is None:
            return None
        if isinstance(origin, TokenReader):
            return origin(
                [replace(v.excerpt, shown=has) for v, has in zip(views, shown, strict=True)]
            )
        return origin([self._shown(v.record, v.reads_sequence) for v in views], Layout.PADDED)

    def _shown(self, record: ProteinRecord, kept: bool) -> ProteinRecord:
        """What encoders see of a record: X for each residue where the sequence is withheld.

        Structure encoders may ask for residues; without this they would be told what the sequence
        encoder is not. A model that has no sequence encoder withholds nothing.
        """
        if kept or (self._sequence is None and not self._withhold_sequence):
            return record
        return replace(record, sequence="X" * len(record))


def crop_bounds(length: int, residues: int | None, place: float) -> tuple[int, int]:
    """First residue, and the one after the last, of a crop to at most `residues` residues.

    Parameters
    ----------
    length
        Residues of the protein; one that is short enough is not cropped.
    residues
        Limit, or None for no limit.
    place
        In [0, 1): where between the first and the last possible start the crop begins.
    """
    if residues is None or length <= residues:
        return 0, length
    start = int(place * (length - residues + 1))
    return start, start + residues


def pad_residues(records: Sequence[ProteinRecord]) -> Tensor:
    """int64 [protein, residue]: index in `RESIDUE_LETTERS`, -1 at padding."""
    longest = max(len(record) for record in records)
    padded = np.full((len(records), longest), PADDING, dtype=np.int64)
    for row, record in enumerate(records):
        padded[row, : len(record)] = residue_indices(record.sequence)
    return torch.from_numpy(padded)


def _bears_structure(record: ProteinRecord) -> bool:
    return record.structure is not None and bool(record.structure.resolved.any())
