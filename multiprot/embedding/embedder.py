"""Proteins in, vectors out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from multiprot.bundle import Bundle, load_bundle
from multiprot.data.windows import Window, plan_windows
from multiprot.embedding.admission import Admission
from multiprot.embedding.budget import TokenBudget
from multiprot.embedding.embeddings import EmbeddedProtein, Embeddings, Failure
from multiprot.embedding.hardware import usable_device
from multiprot.embedding.identity import record_digest
from multiprot.embedding.lanes import cpu_lanes
from multiprot.embedding.models.model import EmbeddingModel
from multiprot.embedding.models.of_bundle import model_of_bundle
from multiprot.embedding.models.open import open_model
from multiprot.embedding.options import DEFAULT_MODEL, EmbedOptions
from multiprot.embedding.pieces import PieceVectors, joined
from multiprot.embedding.runner import DoesNotFitError, Runner
from multiprot.errors import EmbeddingError, MultiprotError
from multiprot.proteins import ProteinRecord

OnFailure = Callable[[Failure], None]
"""Called with a protein that cannot be embedded, which is then left out."""

Outcome = EmbeddedProtein | MultiprotError
"""A protein's vector, or why it has none."""

SHARD_NUMBERS: Final = 64 * 1024**2
"""Float32 numbers that the residue matrices of one shard may hold: 256 MiB."""

_SHORTEST_WINDOW: Final = 64
"""A protein that does not fit into memory in windows of this many residues is refused."""


class Embedder:
    """A model that turns records into vectors.

    A protein's vector does not depend on what is embedded beside it, and nothing of it is cut: a
    protein beyond the model's limit is embedded in overlapping windows, or refused. Where memory
    runs out, batches are halved, then proteins windowed, then refused by name. On a CPU as many
    batches are computed at once as torch has threads (`torch.set_num_threads`), at most 8.

    Attributes
    ----------
    model
        What computes, on its device.
    options
        How records are embedded.
    modalities
        What the model can use of a record under these options.
    max_residues
        Longest protein embedded in one piece, or None for no limit.
    width
        Channels of a vector.
    """

    def __init__(self, model: EmbeddingModel, options: EmbedOptions | None = None) -> None:
        self.model = model
        self.options = options or EmbedOptions()
        self._admission = Admission.of(model, self.options)
        self.modalities = self._admission.modalities
        self.max_residues = self._admission.max_residues
        self.width = model.width
        budget = TokenBudget.of(self.options, model.device.type, packed=model.packs)
        # Compiled code has its number of threads built in.
        lanes = 1 if self.options.compile else cpu_lanes(model.device)
        self.runner = Runner(model, budget, lanes=lanes)

    @classmethod
    def open(
        cls,
        model: Path | str = DEFAULT_MODEL,
        *,
        device: str = "cpu",
        options: EmbedOptions | None = None,
        encoder_options: Sequence[str] = (),
        allow_other_versions: bool = False,
    ) -> Embedder:
        """An embedder with the model that `model` names.

        Parameters
        ----------
        model
            Folder of a model bundle, or an encoder alone: "esm2:/path/to/checkpoint".
            By default the sequence model of multiprot-mini.
        device
            "cpu", "cuda", "cuda:1", "mps".
        options
            How to embed.
        encoder_options
            Further options of an encoder, `KEY=VALUE`.
        allow_other_versions
            As in `load_bundle`.

        Raises
        ------
        BundleError
            As `load_bundle`; also if `model` names neither a folder nor an encoder.
        ConfigError
            If the device is not there or the options do not fit the model.
        PluginError
            If an encoder's checkpoint cannot be read.
        """
        options = options or EmbedOptions()
        opened = open_model(
            model,
            options,
            usable_device(device, options.precision),
            encoder_options=encoder_options,
            allow_other_versions=allow_other_versions,
        )
        return cls(opened, options)

    @classmethod
    def from_bundle(
        cls,
        bundle: Path | str | Bundle,
        *,
        device: str = "cpu",
        options: EmbedOptions | None = None,
        allow_other_versions: bool = False,
    ) -> Embedder:
        """An embedder with a saved model, a folder or one already loaded; as `open` otherwise."""
        options = options or EmbedOptions()
        place = usable_device(device, options.precision)
        if not isinstance(bundle, Bundle):
            bundle = load_bundle(bundle, allow_other_versions=allow_other_versions)
        return cls(model_of_bundle(bundle, options, place), options)

    def embed(self, records: Iterable[ProteinRecord]) -> Embeddings:
        """Vectors of `records`, all in memory; `stream` is for more than memory holds.

        Raises
        ------
        EmbeddingError
            If two records have the same id, or one cannot be embedded.
        """
        return self._embedded(records, residues=False)

    def embed_residues(self, records: Iterable[ProteinRecord]) -> Embeddings:
        """As `embed`, with the tokens of every residue beside the vectors."""
        return self._embedded(records, residues=True)

    def stream(
        self,
        records: Iterable[ProteinRecord],
        *,
        residues: bool = False,
        on_failure: OnFailure | None = None,
    ) -> Iterator[Embeddings]:
        """Vectors of `records` in their order, some at a time, with bounded memory.

        Parameters
        ----------
        records
            Read ahead by as many as make a shard (`EmbedOptions.shard_residues`).
        residues
            Whether to give the residues' tokens too.
        on_failure
            Called with each protein that cannot be embedded, which is left out; None: raise.

        Raises
        ------
        EmbeddingError
            If a protein cannot be embedded and `on_failure` is None.
        """
        for chunk in self._chunks(records, residues=residues):
            proteins = []
            for record, outcome in zip(chunk, self._distinct(chunk, residues), strict=True):
                if isinstance(outcome, EmbeddedProtein):
                    proteins.append(outcome)
                elif on_failure is None:
                    raise outcome
                else:
                    on_failure(Failure(record.id, str(outcome)))
            yield Embeddings.from_proteins(proteins, width=self.width, residues=residues)

    def shard_limit(self, *, residues: bool) -> int:
        """Residues that are read ahead and stored together."""
        fitting = max(1, SHARD_NUMBERS // self.width)
        return (
            min(self.options.shard_residues, fitting) if residues else self.options.shard_residues
        )

    def digest(self, record: ProteinRecord) -> bytes:
        """24 bytes, equal for records that this model cannot tell apart."""
        return record_digest(record, with_structure="structure" in self.modalities)

    def outcomes(
        self,
        records: Sequence[ProteinRecord],
        *,
        residues: bool,
        alone: frozenset[int] = frozenset(),
    ) -> list[Outcome]:
        """What comes of each record, in their order.

        Parameters
        ----------
        records
            As many as may be in memory together with what comes of them.
        residues
            Whether to give the residues' tokens too.
        alone
            Positions of records that are to have batches of their own.
        """
        windows = [self._admission.windows(record) for record in records]
        found = self._tried(records, windows, residues, alone)
        return [
            self._windowed(record, outcome, residues)
            if isinstance(outcome, DoesNotFitError)
            else outcome
            for record, outcome in zip(records, found, strict=True)
        ]

    def _embedded(self, records: Iterable[ProteinRecord], *, residues: bool) -> Embeddings:
        proteins = [p for chunk in self.stream(records, residues=residues) for p in chunk]
        repeated = [i for i, count in Counter(p.id for p in proteins).items() if count > 1]
        if repeated:
            raise EmbeddingError(f"id {repeated[0]!r} is given more than once; ids must be unique")
        return Embeddings.from_proteins(proteins, width=self.width, residues=residues)

    def _distinct(self, records: Sequence[ProteinRecord], residues: bool) -> list[Outcome]:
        """Outcomes where records that the model cannot tell apart are computed once."""
        first: dict[bytes, int] = {}
        unique = [first.setdefault(self.digest(r), row) for row, r in enumerate(records)]
        rows = sorted(first.values())
        made = self.outcomes([records[row] for row in rows], residues=residues)
        by_row = dict(zip(rows, made, strict=True))
        return [renamed(by_row[unique[row]], record) for row, record in enumerate(records)]

    def _tried(
        self,
        records: Sequence[ProteinRecord],
        windows: Sequence[tuple[Window, ...]],
        residues: bool,
        alone: frozenset[int] = frozenset(),
    ) -> list[Outcome]:
        problems = [self._admission.problem(record) for record in records]
        pieces = [
            self._admission.piece(row, record, window, len(windows[row]), alone=row in alone)
            for row, record in enumerate(records)
            if problems[row] is None
            for window in windows[row]
        ]
        made: dict[int, list[PieceVectors]] = {}
        failed: dict[int, MultiprotError] = {}
        for piece, result in zip(pieces, self.runner.run(pieces, residues=residues), strict=True):
            if isinstance(result, MultiprotError):
                failed[piece.row] = result
            else:
                made.setdefault(piece.row, []).append(result)
        return [
            problems[row]
            or failed.get(row)
            or self._outcome(record, windows[row], made[row], residues)
            for row, record in enumerate(records)
        ]

    def _windowed(self, record: ProteinRecord, outcome: DoesNotFitError, residues: bool) -> Outcome:
        """A protein that does not fit into memory, in shorter and shorter windows."""
        size = max(stop - start for start, stop in self._admission.windows(record))
        found: Outcome = outcome
        while isinstance(found, DoesNotFitError) and self.options.long_proteins == "window":
            size = size // 2
            if size < _SHORTEST_WINDOW:
                return found
            overlap = min(self.options.window_overlap, size // 2)
            (found,) = self._tried([record], [plan_windows(len(record), size, overlap)], residues)
        return found

    def _outcome(
        self,
        record: ProteinRecord,
        windows: tuple[Window, ...],
        pieces: list[PieceVectors],
        residues: bool,
    ) -> Outcome:
        try:
            return joined(
                record,
                windows,
                pieces,
                unit=self.model.unit,
                by_residue=self.model.mean_pooled,
                residues=residues,
            )
        except EmbeddingError as error:
            return error

    def _chunks(
        self, records: Iterable[ProteinRecord], *, residues: bool
    ) -> Iterator[list[ProteinRecord]]:
        limit = self.shard_limit(residues=residues)
        chunk: list[ProteinRecord] = []
        size = 0
        for record in records:
            chunk.append(record)
            size += len(record)
            if size >= limit or len(chunk) >= self.options.shard_proteins:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk


def renamed(outcome: Outcome, record: ProteinRecord) -> Outcome:
    """The outcome of a record that the model cannot tell from `record`, under its id."""
    if isinstance(outcome, EmbeddedProtein):
        return outcome if outcome.id == record.id else replace(outcome, id=record.id)
    return outcome
