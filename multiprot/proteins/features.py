"""Spans on a protein: motifs, domains, regions and single sites."""

from __future__ import annotations

from dataclasses import dataclass

from multiprot.errors import RecordError


@dataclass(frozen=True, slots=True, order=True)
class FeatureSpan:
    """One annotated stretch of residues.

    Attributes
    ----------
    start, stop
        0-based, half-open: `record.sequence[start:stop]`.
    kind
        What sort of span it is, e.g. "domain", "motif", "region", "binding".
    name
        Which one, e.g. a CATH code or a Pfam accession.
    """

    start: int
    stop: int
    kind: str
    name: str

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise RecordError(
                f"feature {self.kind} {self.name!r}: span {self.start}..{self.stop} is empty or "
                "negative; spans are 0-based and half-open"
            )

    def crop(self, start: int, stop: int) -> FeatureSpan | None:
        """The part of this span inside residues `start` to `stop`, renumbered, or None."""
        low, high = max(self.start, start), min(self.stop, stop)
        if low >= high:
            return None
        return FeatureSpan(low - start, high - start, self.kind, self.name)
