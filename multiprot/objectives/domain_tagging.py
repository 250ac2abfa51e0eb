"""Domain tagging: where domains begin, continue and end, and which they are.

L = Σ_r w_{y_r} · (1 − p_r[y_r])^γ · (−log p_r[y_r]) / Σ_r w_{y_r}, as `span_tagging` has it,

over the residues r of proteins that have a domain; their tags y are O outside, and B, I and E
where a domain of a class begins, continues and ends. A domain is a stretch that folds by itself
and recurs in other proteins (UniProt's feature type `Domain`; CATH and SCOP superfamilies). One of
the five objectives of MASSA (Hu et al. 2023, Adv. Sci. 10(22) 2301223).
"""

from __future__ import annotations

from typing import ClassVar

from multiprot.objectives.span_tagging import SpanTagging


class DomainTagging(SpanTagging):
    """`SpanTagging` of domains."""

    name: ClassVar[str] = "domain-tagging"
