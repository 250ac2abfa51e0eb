"""Proteins in, vectors out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch

from multiprot.bundle import Bundle, load_bundle
from multiprot.data.windows import Window, plan_windows
from multiprot.embedding.embeddings import EmbeddedProtein, Embeddings, Failure
from multiprot.embedding.options import EmbedOptions
from multiprot.embedding.pieces import Piece, PieceVectors, joined
from multiprot.embedding.runner import Runner
from multiprot.encoders.plugin import Capabilities, Modality
from multiprot.errors import ConfigError, EmbeddingError, MultiprotError
from multiprot.proteins import Confidence, ProteinRecord

OnFailure = Callable[[Failure], None]
"""Called with a protein that cannot be embedded, which is then left out."""


class Embedder:
    """A saved model that turns records into vectors.

    A protein's vector does not depend on what is embedded beside it, and nothing of it is cut: a
    protein beyond the model's limit is embedded in overlapping windows, or refused.

    Attributes
    ----------
    bundle
        The model; it is moved to `device`.
    options
        How records are embedded.
    device
        Where the model runs.
    modalities
        What the model can use of a record under these options.
    max_residues
        Longest protein embedded in one piece, or None for no limit.
    width
        Channels of a vector.
    """

    def __init__(
        self, bundle: Bundle, *, device: str = "cpu", options: EmbedOptions | None = None
    ) -> None:
        self.bundle = bundle
        self.options = options or EmbedOptions()
        self.device = _device(device)
        capabilities = self._capabilities()
        self.modalities = tuple(modality.value for modality in capabilities)
        self.max_residues = _limit(capabilities, self.options)
        self._needs_plddt = any("plddt" in c.requires for c in capabilities.values())
        fusion = bundle.config.fusion
        self.width = fusion.shared_dim if self.options.space == "shared" else fusion.width
        self._runner = Runner(bundle.model.to(self.device), self.device, self.options)
        if self.max_residues is not None and self.options.long_proteins == "window":
            plan_windows(self.max_residues + 1, self.max_residues, self.options.window_overlap)

    @classmethod
    def from_bundle(
        cls,
        path: Path | str,
        *,
        device: str = "cpu",
        options: EmbedOptions | None = None,
        allow_other_versions: bool = False,
    ) -> Embedder:
        """An embedder with the model in folder `path`.

        Parameters
        ----------
        path
            A model bundle.
        device
            "cpu", "cuda", "cuda:1", "mps".
        options
            How to embed.
        allow_other_versions
            As in `load_bundle`.

        Raises
        ------
        BundleError
            As `load_bundle`.
        ConfigError
            If the device is not there or the options do not fit the model.
        """
        bundle = load_bundle(path, allow_other_versions=allow_other_versions)
        return cls(bundle, device=device, options=options)

    def embed(self, records: Iterable[ProteinRecord]) -> Embeddings:
        """Vectors of `records`, all in memory; `stream` is for more than memory holds.

        Raises
        ------
        EmbeddingError
            If two records have the same id, or one cannot be embedded.
        """
        return self._embedded(records, residues=False)

    def embed_residues(self, records: Iterable[ProteinRecord]) -> Embeddings:
        """As `embed`, with the fused tokens of every residue beside the vectors."""
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
            Read ahead by `EmbedOptions.chunk_residues` residues.
        residues
            Whether to give the residues' tokens too.
        on_failure
            Called with each protein that cannot be embedded, which is left out; None: raise.

        Raises
        ------
        EmbeddingError
            If a protein cannot be embedded and `on_failure` is None.
        """
        for chunk in _chunks(records, self.options.chunk_residues):
            proteins = []
            for record, outcome in zip(chunk, self._chunk(chunk, residues), strict=True):
                if isinstance(outcome, EmbeddedProtein):
                    proteins.append(outcome)
                elif on_failure is None:
                    raise outcome
                else:
                    on_failure(Failure(record.id, str(outcome)))
            yield Embeddings.from_proteins(proteins, width=self.width, residues=residues)

    def _embedded(self, records: Iterable[ProteinRecord], *, residues: bool) -> Embeddings:
        proteins = [p for chunk in self.stream(records, residues=residues) for p in chunk]
        repeated = [i for i, count in Counter(p.id for p in proteins).items() if count > 1]
        if repeated:
            raise EmbeddingError(f"id {repeated[0]!r} is given more than once; ids must be unique")
        return Embeddings.from_proteins(proteins, width=self.width, residues=residues)

    def _chunk(
        self, records: list[ProteinRecord], residues: bool
    ) -> list[EmbeddedProtein | MultiprotError]:
        problems = [self._problem(record) for record in records]
        windows = [self._windows(record) for record in records]
        pieces = [
            self._piece(row, record, window)
            for row, record in enumerate(records)
            if problems[row] is None
            for window in windows[row]
        ]
        made: dict[int, list[PieceVectors]] = {}
        failed: dict[int, MultiprotError] = {}
        for piece, result in zip(pieces, self._runner.run(pieces, residues=residues), strict=True):
            if isinstance(result, MultiprotError):
                failed[piece.row] = result
            else:
                made.setdefault(piece.row, []).append(result)
        return [
            problems[row]
            or failed.get(row)
            or _outcome(record, windows[row], made[row], unit=self.options.space == "shared")
            for row, record in enumerate(records)
        ]

    def _piece(self, row: int, record: ProteinRecord, window: Window) -> Piece:
        whole = window == (0, len(record))
        cropped = record if whole else record.crop(*window)
        # A window may lie where nothing is resolved. Where only structure is used, it still goes
        # through the structure encoder, which gives it no token.
        alone = Modality.SEQUENCE not in self.modalities
        bears = Modality.STRUCTURE in self.modalities and (alone or _has_structure(cropped))
        return Piece(row, cropped, bears)

    def _windows(self, record: ProteinRecord) -> tuple[Window, ...]:
        if self.options.long_proteins == "refuse":
            return ((0, len(record)),)
        return plan_windows(len(record), self.max_residues, self.options.window_overlap)

    def _problem(self, record: ProteinRecord) -> MultiprotError | None:
        """Why this record cannot be embedded, as far as one sees without the model."""
        too_long = self.max_residues is not None and len(record) > self.max_residues
        if too_long and self.options.long_proteins == "refuse":
            return EmbeddingError(
                f"protein {record.id}: {len(record)} residues, the limit is {self.max_residues}; "
                "embed long proteins in windows (--long-proteins window), or leave it out"
            )
        if Modality.SEQUENCE not in self.modalities and not _has_structure(record):
            return EmbeddingError(
                f"protein {record.id}: has no resolved structure, and only structure is used here; "
                "give its structure file, or use its sequence"
            )
        structure = record.structure
        if self._needs_plddt and structure and structure.confidence_kind is not Confidence.PLDDT:
            return EmbeddingError(
                f"protein {record.id}: the structure encoder needs pLDDT, and the structure holds "
                f"{structure.confidence_kind}; give a predicted structure, or use its sequence only"
            )
        return None

    def _capabilities(self) -> dict[Modality, Capabilities]:
        """Capabilities of the residue encoders that the options leave in use."""
        present = self.bundle.capabilities()
        wanted = {"all": ("sequence", "structure")}.get(
            self.options.modalities, (self.options.modalities,)
        )
        used = {modality: c for modality, c in present.items() if modality.value in wanted}
        if not used:
            raise ConfigError(
                f"{self.bundle.path}: the model has no {self.options.modalities} encoder, only "
                f"{', '.join(m.value for m in present)}"
            )
        for modality, capability in used.items():
            if self.options.precision not in capability.precisions:
                raise ConfigError(
                    f"precision {self.options.precision}: the {modality.value} encoder works in "
                    f"{', '.join(sorted(capability.precisions))} only"
                )
        return used


def _outcome(
    record: ProteinRecord,
    windows: tuple[Window, ...],
    pieces: list[PieceVectors],
    *,
    unit: bool,
) -> EmbeddedProtein | MultiprotError:
    try:
        return joined(record, windows, pieces, unit=unit)
    except EmbeddingError as error:
        return error


def _has_structure(record: ProteinRecord) -> bool:
    return record.structure is not None and bool(record.structure.resolved.any())


def _chunks(records: Iterable[ProteinRecord], residues: int) -> Iterator[list[ProteinRecord]]:
    chunk: list[ProteinRecord] = []
    size = 0
    for record in records:
        chunk.append(record)
        size += len(record)
        if size >= residues:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _limit(capabilities: dict[Modality, Capabilities], options: EmbedOptions) -> int | None:
    limits = [options.max_residues, *(c.max_residues for c in capabilities.values())]
    return min((limit for limit in limits if limit is not None), default=None)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device {name!r} cannot be used ({reason}); try cpu") from None
    return device
