"""One protein with whatever is known of it; its invariants are checked here and nowhere else."""

from __future__ import annotations

import re
from dataclasses import dataclass

from multiprot.errors import RecordError
from multiprot.proteins.alphabet import RESIDUE_LETTERS
from multiprot.proteins.features import FeatureSpan
from multiprot.proteins.structure import BackboneStructure

_FOREIGN = re.compile(f"[^{RESIDUE_LETTERS}]")
_LETTERS = RESIDUE_LETTERS.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProteinRecord:
    """One protein.

    Attributes
    ----------
    id
        Non-empty, without white space; unique in its corpus (letter case counts).
    sequence
        At least one letter, all of `RESIDUE_LETTERS`, upper case.
    structure
        Backbone on exactly this sequence, unresolved residues as NaN, or None if unknown.
    go_terms
        GO ids as annotated, not propagated; None means that nothing is known,
        an empty set that the protein was looked at and has no term.
    not_go_terms
        GO ids that an annotator denied with a NOT qualifier.
    features
        Spans, sorted.

    Raises
    ------
    RecordError
        If the parts contradict each other; the message names the record, the value and the remedy.
    """

    id: str
    sequence: str
    structure: BackboneStructure | None = None
    go_terms: frozenset[str] | None = None
    not_go_terms: frozenset[str] = frozenset()
    features: tuple[FeatureSpan, ...] = ()

    def __post_init__(self) -> None:
        if self.id.split() != [self.id]:
            raise RecordError(f"record id {self.id!r} is empty or holds white space; rename it")
        if not self.sequence:
            raise RecordError(f"record {self.id}: the sequence is empty; remove the record")
        self._check_letters()
        if self.structure is not None and len(self.structure) != len(self.sequence):
            raise RecordError(
                f"record {self.id}: {len(self.structure)} residues of coordinates for "
                f"{len(self.sequence)} residues of sequence; unresolved residues must be rows of "
                "NaN, see multiprot.proteins.align_structure"
            )
        if self.features == ():
            return
        object.__setattr__(self, "features", tuple(sorted(self.features)))
        for span in self.features:
            if span.stop > len(self.sequence):
                raise RecordError(
                    f"record {self.id}: feature {span.kind} {span.name!r} ends at {span.stop}, "
                    f"beyond the sequence of {len(self.sequence)} residues"
                )

    def _check_letters(self) -> None:
        # Four times the speed of the expression, which is left to find the place.
        if self.sequence.isascii() and not self.sequence.encode().translate(None, _LETTERS):
            return
        foreign = _FOREIGN.search(self.sequence)
        if foreign:
            raise RecordError(
                f"record {self.id}: letter {foreign.group()!r} at residue {foreign.start() + 1} is "
                f"not one of {RESIDUE_LETTERS}; read FASTA with multiprot.proteins.read_fasta, "
                "which handles lower case, '*' and '-'"
            )

    def __len__(self) -> int:
        return len(self.sequence)

    def crop(self, start: int, stop: int) -> ProteinRecord:
        """Residues `start` to `stop` (half-open), every modality cropped alike; GO is kept."""
        return ProteinRecord(
            id=self.id,
            sequence=self.sequence[start:stop],
            structure=None if self.structure is None else self.structure.crop(start, stop),
            go_terms=self.go_terms,
            not_go_terms=self.not_go_terms,
            features=tuple(
                cropped for f in self.features if (cropped := f.crop(start, stop)) is not None
            ),
        )
