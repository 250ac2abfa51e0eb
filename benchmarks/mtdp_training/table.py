"""Times as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def table(sets: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Lines of Markdown, a table for each part and set of proteins, what was compared above it."""
    lines: list[str] = []
    for name, found in sets.items():
        mean = found["residues"] / found["proteins"]
        lines += [f"{name}: {found['proteins']} proteins, {mean:.0f} residues on average", ""]
        for part in ("embedding", "step"):
            if part in found:
                lines += [*_part(part, found[part]), ""]
        for pair, cosine in found.get("smallest_cosines", {}).items():
            lines.append(f"smallest cosine, {pair.replace('_', ' ')}: {cosine:.6f}")
        lines.append("")
    return lines


def _part(part: str, variants: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = [
        f"| {part} | ms per protein | proteins/s | times as fast | by processor time |",
        "|---|---:|---:|---:|---:|",
    ]
    for variant, each in variants.items():
        seconds = each["seconds_per_protein"]
        rates = f"{1000 * seconds:.0f} | {1 / max(seconds, 1e-9):.2f}"
        ratios = f"{each['times_as_fast']:.2f} | {each['times_as_fast_by_cpu_time']:.2f}"
        lines.append(f"| {variant} | {rates} | {ratios} |")
    return lines
