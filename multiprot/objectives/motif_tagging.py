"""Motif tagging: where short sequence motifs begin, continue and end, and which they are.

L = Σ_r w_{y_r} · (1 − p_r[y_r])^γ · (−log p_r[y_r]) / Σ_r w_{y_r}, as `span_tagging` has it,

over the residues r of proteins that have a motif; their tags y are O outside, and B, I and E where
a motif of a class begins, continues and ends. A motif is a short stretch with a function of its
own, such as a signal that takes the protein to the nucleus (UniProt's feature type `Motif`). One
of the five objectives of MASSA (Hu et al. 2023, Adv. Sci. 10(22) 2301223).
"""

from __future__ import annotations

from typing import ClassVar

from multiprot.objectives.span_tagging import SpanTagging


class MotifTagging(SpanTagging):
    """`SpanTagging` of short sequence motifs."""

    name: ClassVar[str] = "motif-tagging"
