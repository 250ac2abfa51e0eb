"""The forward pass over batches of pieces, on one device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from multiprot.data.batch_config import BatchConfig
from multiprot.data.collate import Collator
from multiprot.embedding.budget import token_budget_batches
from multiprot.embedding.options import EmbedOptions
from multiprot.embedding.pieces import Piece, PieceVectors
from multiprot.encoders.contract import FusionOutputs
from multiprot.errors import EmbeddingError, MultiprotError
from multiprot.fusion import FusionModel

_AUTOCAST: Final = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Runner:
    """Runs a model over pieces; what a piece gives does not depend on its neighbours.

    Parameters
    ----------
    model
        In evaluation mode, on `device`.
    device
        Where it lies.
    options
        Space, modalities, precision and batch size.
    """

    def __init__(self, model: FusionModel, device: torch.device, options: EmbedOptions) -> None:
        self._model = model
        self._device = device
        self._options = options
        config = BatchConfig(crop_residues=None, tokens_per_batch=options.tokens_per_batch)
        sequence = None if options.modalities == "structure" else model.sequence
        structure = None if options.modalities == "sequence" else model.structure
        of_sequence = None if sequence is None else sequence.featurizer
        of_structure = None if structure is None else structure.featurizer
        self._plain = Collator(of_sequence, None, None, config, training=False)
        self._structured = Collator(
            of_sequence,
            of_structure,
            None,
            config,
            training=False,
            withhold_sequence=options.modalities == "structure",
        )

    def run(
        self, pieces: Sequence[Piece], *, residues: bool
    ) -> list[PieceVectors | MultiprotError]:
        """What the model makes of each piece, in the order of `pieces`, or why it makes nothing.

        Pieces with and without structure go into batches of their own, so that the structure
        encoder works only where there is a structure.
        """
        results: dict[int, PieceVectors | MultiprotError] = {}
        for bears in (False, True):
            group = [i for i, piece in enumerate(pieces) if piece.bears_structure == bears]
            lengths = [len(pieces[i].record) for i in group]
            for batch in token_budget_batches(lengths, self._options.tokens_per_batch):
                chosen = [group[position] for position in batch]
                vectors = self._bisected([pieces[i] for i in chosen], residues)
                results.update(zip(chosen, vectors, strict=True))
        return [results[i] for i in range(len(pieces))]

    def _bisected(
        self, pieces: list[Piece], residues: bool
    ) -> Iterable[PieceVectors | MultiprotError]:
        """Run a batch; where it fails, halve it until the piece at fault stands alone."""
        try:
            return self._forward(pieces, residues)
        except (MultiprotError, torch.OutOfMemoryError) as error:
            if len(pieces) == 1:
                return [self._blamed(pieces[0], error)]
        middle = len(pieces) // 2
        return [
            *self._bisected(pieces[:middle], residues),
            *self._bisected(pieces[middle:], residues),
        ]

    def _blamed(self, piece: Piece, error: Exception) -> MultiprotError:
        if isinstance(error, MultiprotError):
            named = piece.record.id in str(error)
            return EmbeddingError(f"{'' if named else f'protein {piece.record.id}: '}{error}")
        return EmbeddingError(
            f"protein {piece.record.id}: {len(piece.record)} residues do not fit into the memory "
            f"of {self._device}; embed it in shorter windows with max_residues"
        )

    def _forward(self, pieces: Sequence[Piece], residues: bool) -> list[PieceVectors]:
        collator = self._structured if pieces[0].bears_structure else self._plain
        batch = collator([piece.record for piece in pieces], np.zeros(len(pieces), np.int64))
        with torch.inference_mode(), self._precision():
            outputs = self._model(batch.to(self._device))
        return self._split(outputs, [len(piece.record) for piece in pieces], residues)

    def _precision(self) -> AbstractContextManager[Any]:
        if self._options.precision == "fp32":
            return nullcontext()
        return torch.autocast(self._device.type, _AUTOCAST[self._options.precision])

    def _split(
        self, outputs: FusionOutputs, lengths: Sequence[int], residues: bool
    ) -> list[PieceVectors]:
        chosen = outputs.projected if self._options.space == "shared" else outputs.protein
        vectors = _on_host(chosen.float())
        masks = _on_host(outputs.fused_tokens.mask)
        tokens = _on_host(outputs.fused_tokens.values.float()) if residues else None
        streams = {"sequence": outputs.sequence_tokens, "structure": outputs.structure_tokens}
        used = {
            name: _on_host(stream.mask.any(dim=1))
            for name, stream in streams.items()
            if stream is not None
        }
        return [
            PieceVectors(
                vector=vectors[row],
                mask=masks[row, :length],
                used=frozenset(name for name, rows in used.items() if rows[row]),
                residues=None
                if tokens is None
                else np.where(masks[row, :length, None], tokens[row, :length], np.float32("nan")),
            )
            for row, length in enumerate(lengths)
        ]


def _on_host(tensor: Tensor) -> Any:
    return tensor.cpu().numpy()
