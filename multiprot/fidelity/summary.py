"""A card in a few lines, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from multiprot.fidelity.card import FidelityCard, Measured, TeacherFidelity
from multiprot.fidelity.requirement import PAGE


def summary_text(card: FidelityCard, out: Path) -> str:
    """What a user wants to know first.

    Parameters
    ----------
    card
        What was measured.
    out
        Where the card lies.
    """
    lines = [line for teacher in card.teachers for line in _beside(card, teacher)]
    if card.passed is not None:
        reached = "reached" if card.passed else "not reached"
        lines.append(f"the bar of {card.min_retained:g} is {reached}")
    return "\n".join([*lines, f"{out / PAGE}"])


def _beside(card: FidelityCard, teacher: TeacherFidelity) -> Iterator[str]:
    kept, agreed = teacher.retained, teacher.agreement
    yield f"{card.student.name} beside {teacher.model.name}"
    if kept.share is None or kept.share.value is None:
        yield f"  gain retained      none to tell: {kept.why or 'it is undefined'}"
    else:
        count = f"{len(kept.tasks)} task{'' if len(kept.tasks) == 1 else 's'}"
        yield f"  gain retained      {_told(kept.share)} over {count}"
    tolerance = f"within ±{100 * float(card.options['tolerance']):g} %"
    yield f"  {tolerance:<16}   {kept.within} of {kept.lines} scores"
    yield f"  protein cosine     {_told(agreed.protein_cosine.centred)} (mapped, centred)"
    yield f"  residue cosine     {_told(agreed.residue_cosine.centred)} (mapped, centred)"
    yield f"  {f'{agreed.neighbours} nearest':<16}   {_told(agreed.overlap.share)} in common" + (
        f", {agreed.overlap.chance:.3f} by chance"
    )
    yield f"  CKA                {agreed.kernel_alignment:.3f}"
    one, other = card.student.speed, teacher.model.speed
    yield (
        f"  speed              {one.residues_per_second:,.0f} and {other.residues_per_second:,.0f} "
        f"residues/s, {teacher.times_faster:.1f} times as fast"
    )
    if one.peak_mib is not None and other.peak_mib is not None:
        yield f"  memory             {one.peak_mib:,.0f} and {other.peak_mib:,.0f} MiB"
    yield f"  parameters         {card.student.parameters:,} and {teacher.model.parameters:,}"


def _told(measured: Measured) -> str:
    if measured.value is None:
        return "undefined"
    if measured.low is None or measured.high is None:
        return f"{measured.value:.3f}"
    return f"{measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}]"
