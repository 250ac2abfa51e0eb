"""What a student must show before it is exported: its fidelity card."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from multiprot.errors import ExportError
from multiprot.export.source import ExportSource
from multiprot.fidelity.requirement import CARD, PAGE, require_fidelity
from multiprot.student.checkpoint import SETTINGS


class FidelityDemand(NamedTuple):
    """The card that a student is exported with.

    Attributes
    ----------
    card
        Folder that `multiprot fidelity` wrote.
    min_retained
        Least share of every teacher's gain over random weights; None: whatever the card says.
    """

    card: Path
    min_retained: float | None = None


def check_fidelity(source: ExportSource, demand: FidelityDemand | None) -> None:
    """Let a student pass that has no teacher, or whose card is there and good enough.

    Raises
    ------
    ExportError
        If it was distilled and there is no card.
    FidelityError
        As `require_fidelity`.
    """
    if demand is not None:
        # Imported here: it loads the whole engine.
        from multiprot.fidelity.facts import student_hash

        require_fidelity(demand.card, student_hash(_embedded_as(source.name)), demand.min_retained)
    elif source.teachers:
        teachers = " ".join(f"--teacher {each}" for each in source.teachers)
        raise ExportError(
            f"{source.name}: was distilled from {', '.join(source.teachers)}, and is exported with "
            "a card that tells how much it keeps of them; make one with `multiprot fidelity "
            f"{source.name} {teachers} --proteins FASTA --tasks FOLDER --out CARD`, then give "
            "--card CARD"
        )


def copy_card(demand: FidelityDemand, folder: Path) -> None:
    """Put card and page beside what is exported."""
    lies_in = demand.card if demand.card.is_dir() else demand.card.parent
    for name in (CARD, PAGE):
        if (lies_in / name).is_file():
            shutil.copyfile(lies_in / name, folder / name)


def _embedded_as(name: str) -> str:
    """What `multiprot embed --model` calls a student's folder."""
    return f"student:{name}" if (Path(name) / SETTINGS).is_file() else name
