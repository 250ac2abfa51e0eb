"""Region tagging: where regions begin, continue and end, and which they are.

L = Σ_r w_{y_r} · (1 − p_r[y_r])^γ · (−log p_r[y_r]) / Σ_r w_{y_r}, as `span_tagging` has it,

over the residues r of proteins that have a region; their tags y are O outside, and B, I and E
where a region of a class begins, continues and ends. A region is a stretch of interest that is
neither motif nor domain, such as one that binds a partner (UniProt's feature type `Region`). One
of the five objectives of MASSA (Hu et al. 2023, Adv. Sci. 10(22) 2301223).
"""

from __future__ import annotations

from typing import ClassVar

from multiprot.objectives.span_tagging import SpanTagging


class RegionTagging(SpanTagging):
    """`SpanTagging` of regions."""

    name: ClassVar[str] = "region-tagging"
