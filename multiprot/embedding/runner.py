"""The forward pass over batches of pieces, on one device."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

import torch

from multiprot.embedding.budget import TokenBudget
from multiprot.embedding.lanes import open_lanes
from multiprot.embedding.memory import is_beyond_repair, is_out_of_memory, release_memory
from multiprot.embedding.models.model import EmbeddingModel
from multiprot.embedding.models.outputs import BatchOutputs
from multiprot.embedding.pieces import Piece, PieceVectors
from multiprot.errors import EmbeddingError, MultiprotError

_AHEAD: Final = 2
"""Batches whose features are made while another is computed."""

_HOPELESS: Final = 8
"""Proteins on which a model may fail in a way of its own before the first success."""

OnBatch = Callable[[Sequence[Piece]], None]
"""Called before each batch is computed."""


class DoesNotFitError(EmbeddingError):
    """A single piece needs more memory than there is."""


class UnexpectedError(EmbeddingError):
    """A model failed on a protein in a way that it does not declare."""


@dataclass(frozen=True, slots=True)
class _Started:
    """A batch whose results are on their way to the host."""

    chosen: list[int]
    outputs: BatchOutputs
    done: Any


class Runner:
    """Runs a model over pieces; what a piece gives does not depend on its neighbours.

    Features are made in a thread of their own, and results of a GPU are fetched while it works on
    the next batch.

    Parameters
    ----------
    model
        What computes.
    budget
        What a batch may cost; learns where memory runs out.
    lanes
        Batches computed at once; more than 1 on a CPU only.

    Attributes
    ----------
    on_batch
        Called with each batch's pieces before it is computed, by one lane at a time.
    """

    def __init__(self, model: EmbeddingModel, budget: TokenBudget, *, lanes: int = 1) -> None:
        self._model = model
        self.budget = budget
        self.lanes = lanes
        self.on_batch: OnBatch = lambda pieces: None
        self._telling = Lock()
        self._worked = False
        self._unexpected = 0

    def run(
        self, pieces: Sequence[Piece], *, residues: bool
    ) -> list[PieceVectors | MultiprotError]:
        """What the model makes of each piece, in the order of `pieces`, or why it makes nothing.

        Pieces with and without structure go into batches of their own, so that the structure
        encoder works only where there is a structure.
        """
        if self.lanes > 1 and len(pieces) > 1:
            return self._run_in_lanes(pieces, residues)
        results: dict[int, PieceVectors | MultiprotError] = {}
        started: _Started | None = None
        for chosen, features in self._ahead(pieces, self._batches(pieces)):
            batch = [pieces[i] for i in chosen]
            try:
                following = self._start(chosen, batch, features, residues)
            except Exception as error:
                following = None
                failure = error
            if started is not None:
                results.update(self._fetched(started, pieces, residues))
            started = following
            if following is None:
                results.update(zip(chosen, self._retried(batch, residues, failure), strict=True))
        if started is not None:
            results.update(self._fetched(started, pieces, residues))
        return [results[i] for i in range(len(pieces))]

    def _run_in_lanes(
        self, pieces: Sequence[Piece], residues: bool
    ) -> list[PieceVectors | MultiprotError]:
        """The same batches as `run` makes, several at a time."""
        results: dict[int, PieceVectors | MultiprotError] = {}
        with open_lanes(self.lanes) as lanes:
            waiting: deque[tuple[list[int], Future[Any]]] = deque()
            for chosen in self._batches(pieces):
                batch = [pieces[i] for i in chosen]
                waiting.append((chosen, lanes.submit(self._again, batch, residues)))
                if len(waiting) > self.lanes:
                    done, found = waiting.popleft()
                    results.update(zip(done, found.result(), strict=True))
            for done, found in waiting:
                results.update(zip(done, found.result(), strict=True))
        return [results[i] for i in range(len(pieces))]

    def _batches(self, pieces: Sequence[Piece]) -> Iterator[list[int]]:
        """Batches under the budget as it is when each is asked for."""
        for apart in (True, False):
            for bears in (False, True):
                group = [
                    i
                    for i, piece in enumerate(pieces)
                    if piece.bears_structure == bears and piece.alone == apart
                ]
                yield from ([i] for i in group) if apart else self._grouped(pieces, group)

    def _grouped(self, pieces: Sequence[Piece], group: list[int]) -> Iterator[list[int]]:
        while group:
            tokens = self.budget.tokens
            batches = self.budget.batches([len(pieces[i].record) for i in group])
            taken: set[int] = set()
            for batch in batches:
                if self.budget.tokens != tokens:
                    break
                taken.update(batch)
                yield [group[position] for position in batch]
            group = [i for position, i in enumerate(group) if position not in taken]

    def _ahead(
        self, pieces: Sequence[Piece], batches: Iterator[list[int]]
    ) -> Iterator[tuple[list[int], Future[Any]]]:
        with ThreadPoolExecutor(1, thread_name_prefix="multiprot-features") as pool:
            waiting: list[tuple[list[int], Future[Any]]] = []
            for chosen in batches:
                made = pool.submit(self._features, [pieces[i] for i in chosen])
                waiting.append((chosen, made))
                if len(waiting) > _AHEAD:
                    yield waiting.pop(0)
            yield from waiting

    def _features(self, batch: Sequence[Piece]) -> Any:
        structured = batch[0].bears_structure
        features = self._model.features([piece.record for piece in batch], structured=structured)
        return features.pin_memory() if self._model.device.type == "cuda" else features

    def _start(
        self, chosen: list[int], batch: Sequence[Piece], features: Future[Any], residues: bool
    ) -> _Started:
        """Compute a batch and begin to fetch what it gives."""
        self._tell(batch)
        outputs = self._computed(batch, features.result(), residues)
        done = None
        if self._model.device.type == "cuda":
            done = torch.cuda.Event()  # type: ignore[no-untyped-call]
            done.record()
        return _Started(chosen, outputs, done)

    def _tell(self, batch: Sequence[Piece]) -> None:
        with self._telling:
            self.on_batch(batch)

    def _computed(self, batch: Sequence[Piece], features: Any, residues: bool) -> BatchOutputs:
        moved = features.to(self._model.device, non_blocking=True)
        wanted = residues or any(piece.joined_by_residue for piece in batch)
        return self._model.forward(moved, residues=wanted).to_host()

    def _fetched(
        self, started: _Started, pieces: Sequence[Piece], residues: bool
    ) -> Iterable[tuple[int, PieceVectors | MultiprotError]]:
        batch = [pieces[i] for i in started.chosen]
        try:
            if started.done is not None:
                started.done.synchronize()
            found: Sequence[Any] = started.outputs.pieces([len(p.record) for p in batch])
            self._worked = True
        except Exception as error:
            found = self._retried(batch, residues, error)
        return zip(started.chosen, found, strict=True)

    def _retried(
        self, batch: Sequence[Piece], residues: bool, error: Exception
    ) -> list[PieceVectors | MultiprotError]:
        """After a failure: halve the batch until the piece at fault stands alone."""
        short = is_out_of_memory(error)
        if not short and is_beyond_repair(error):
            raise error
        # Its frames hold on to the tensors of the failed pass.
        error.__traceback__ = None
        if short:
            self.budget.learn([len(piece.record) for piece in batch])
            release_memory(self._model.device)
        if len(batch) == 1:
            return [self._blamed(batch[0], error)]
        middle = len(batch) // 2
        return [*self._again(batch[:middle], residues), *self._again(batch[middle:], residues)]

    def _again(self, batch: Sequence[Piece], residues: bool) -> list[PieceVectors | MultiprotError]:
        try:
            self._tell(batch)
            outputs = self._computed(batch, self._features(batch), residues)
            if self._model.device.type == "cuda":
                torch.cuda.synchronize(self._model.device)
            found = outputs.pieces([len(piece.record) for piece in batch])
            self._worked = True
            return [*found]
        except Exception as error:
            return self._retried(batch, residues, error)

    def _blamed(self, piece: Piece, error: Exception) -> MultiprotError:
        if is_out_of_memory(error):
            return DoesNotFitError(
                f"protein {piece.record.id}: {len(piece.record)} residues do not fit into the "
                f"memory of {self._model.device} ({type(error).__name__}: {error}); embed it in "
                "shorter windows (--max-residues)"
            )
        if isinstance(error, MultiprotError):
            named = piece.record.id in str(error)
            return EmbeddingError(f"{'' if named else f'protein {piece.record.id}: '}{error}")
        unexpected = UnexpectedError(
            f"protein {piece.record.id}: the model failed on it with an error of its own, "
            f"{type(error).__name__}: {error}; report it to the authors of "
            f"{self._model.identity.name}"
        )
        self._unexpected += 1
        if self._unexpected >= _HOPELESS and not self._worked:
            # It is the model that is broken, not a protein.
            raise unexpected
        return unexpected
