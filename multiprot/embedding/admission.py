"""Which records a model takes under given options, and in what pieces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from multiprot.data.windows import Window, plan_windows
from multiprot.embedding.models.model import EmbeddingModel
from multiprot.embedding.options import EmbedOptions
from multiprot.embedding.pieces import Piece
from multiprot.encoders.plugin import Capabilities, Modality
from multiprot.errors import ConfigError, EmbeddingError
from multiprot.proteins import Confidence, ProteinRecord


@dataclass(frozen=True, slots=True)
class Admission:
    """What is asked of a record before the model sees it.

    Attributes
    ----------
    modalities
        What the model can use of a record.
    max_residues
        Longest protein in one piece, or None for no limit.
    needs_plddt
        A structure must bear pLDDT.
    by_residue
        Windows are joined residue by residue.
    options
        What to do with long proteins.
    """

    modalities: tuple[str, ...]
    max_residues: int | None
    needs_plddt: bool
    by_residue: bool
    options: EmbedOptions

    @classmethod
    def of(cls, model: EmbeddingModel, options: EmbedOptions) -> Admission:
        """What `model` asks under `options`.

        Raises
        ------
        ConfigError
            If the two do not fit: no such modality, precision or space, windows that overlap
            altogether.
        """
        used = _used(model, options)
        _refuse_precision(used, options)
        if options.space == "shared" and not model.unit:
            raise ConfigError(
                f"{model.identity.source}: has no space shared with GO; leave out --space shared, "
                "or name the bundle of a model that learnt GO terms"
            )
        limits = [options.max_residues, *(c.max_residues for c in used.values())]
        limit = min((n for n in limits if n is not None), default=None)
        if limit is not None and options.long_proteins == "window":
            plan_windows(limit + 1, limit, options.window_overlap)
        return cls(
            modalities=tuple(modality.value for modality in used),
            max_residues=limit,
            needs_plddt=any("plddt" in c.requires for c in used.values()),
            by_residue=model.mean_pooled,
            options=options,
        )

    def windows(self, record: ProteinRecord) -> tuple[Window, ...]:
        """The pieces in which a record is embedded."""
        if self.options.long_proteins == "refuse":
            return ((0, len(record)),)
        return plan_windows(len(record), self.max_residues, self.options.window_overlap)

    def piece(
        self, row: int, record: ProteinRecord, window: Window, windows: int, *, alone: bool
    ) -> Piece:
        """One of the record's `windows` pieces."""
        cropped = record if window == (0, len(record)) else record.crop(*window)
        # A window may lie where nothing is resolved. Where only structure is used, it still goes
        # through the structure encoder, which gives it no token.
        only = Modality.SEQUENCE not in self.modalities
        bears = Modality.STRUCTURE in self.modalities and (only or _has_structure(cropped))
        return Piece(row, cropped, bears, self.by_residue and windows > 1, alone)

    def problem(self, record: ProteinRecord) -> EmbeddingError | None:
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
        if self.needs_plddt and structure and structure.confidence_kind is not Confidence.PLDDT:
            return EmbeddingError(
                f"protein {record.id}: the structure encoder needs pLDDT, and the structure holds "
                f"{structure.confidence_kind}; give a predicted structure, or use its sequence only"
            )
        return None


def _used(model: EmbeddingModel, options: EmbedOptions) -> Mapping[Modality, Capabilities]:
    """Capabilities of the residue encoders that the options leave in use."""
    present = {m: c for m, c in model.capabilities.items() if m is not Modality.GO}
    wanted = ("sequence", "structure") if options.modalities == "all" else (options.modalities,)
    used: dict[Modality, Capabilities] = {m: c for m, c in present.items() if m.value in wanted}
    if not used:
        raise ConfigError(
            f"{model.identity.source}: the model has no {options.modalities} encoder, only "
            f"{', '.join(m.value for m in present)}"
        )
    return used


def _refuse_precision(used: Mapping[Modality, Capabilities], options: EmbedOptions) -> None:
    for modality, capability in used.items():
        if options.precision not in capability.precisions:
            raise ConfigError(
                f"precision {options.precision}: the {modality.value} encoder works in "
                f"{', '.join(sorted(capability.precisions))} only"
            )


def _has_structure(record: ProteinRecord) -> bool:
    return record.structure is not None and bool(record.structure.resolved.any())
