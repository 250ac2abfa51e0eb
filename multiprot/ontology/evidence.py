"""Evidence codes, grouped as in the GO evidence guide, and a filter on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EXPERIMENTAL: Final = frozenset({"EXP", "IDA", "IPI", "IMP", "IGI", "IEP"})
HIGH_THROUGHPUT: Final = frozenset({"HTP", "HDA", "HMP", "HGI", "HEP"})
PHYLOGENETIC: Final = frozenset({"IBA", "IBD", "IKR", "IRD"})
COMPUTATIONAL: Final = frozenset({"ISS", "ISO", "ISA", "ISM", "IGC", "RCA"})
AUTHOR_STATEMENT: Final = frozenset({"TAS", "NAS"})
CURATOR_INFERENCE: Final = frozenset({"IC"})
NO_DATA: Final = frozenset({"ND"})
ELECTRONIC: Final = frozenset({"IEA"})

CURATED: Final = (
    EXPERIMENTAL
    | HIGH_THROUGHPUT
    | PHYLOGENETIC
    | COMPUTATIONAL
    | AUTHOR_STATEMENT
    | CURATOR_INFERENCE
)
"""Every code that a curator assigned or reviewed: all but IEA and ND."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFilter:
    """Which annotation rows count; codes outside the guide (a file's own) may be named too.

    Attributes
    ----------
    include
        Codes that count, or None for all.
    exclude
        Codes that do not count, even if included. ND is there by default: it annotates a root to
        say that a curator found nothing, and must not pass for knowledge of that namespace.
    """

    include: frozenset[str] | None = None
    exclude: frozenset[str] = NO_DATA

    def keeps(self, code: str) -> bool:
        """Whether rows with this evidence code count."""
        return code not in self.exclude and (self.include is None or code in self.include)
