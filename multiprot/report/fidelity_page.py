"""A fidelity card as a page of its own, and both on disk."""

from __future__ import annotations

from pathlib import Path

from multiprot.fidelity.card import FidelityCard
from multiprot.fidelity.requirement import CARD, PAGE
from multiprot.files import atomic_file
from multiprot.report.fidelity_sections import fidelity_sections
from multiprot.report.inputs import InputKind, ReportInput
from multiprot.report.page import render


def card_page(card: FidelityCard, folder: Path) -> str:
    """One HTML file that needs no other and no network.

    Parameters
    ----------
    card
        What was measured.
    folder
        Where the card lies; named at the end of the page.

    Raises
    ------
    ReportError
        If a library that pages need is not installed.
    """
    names = " and ".join(teacher.model.name for teacher in card.teachers)
    given = ReportInput(InputKind.FIDELITY, folder, folder.resolve().name)
    sections = list(fidelity_sections(card, "fidelity"))
    return render(sections, [given], f"Fidelity of {card.student.name} to {names}")


def write_card(card: FidelityCard, folder: Path) -> None:
    """Write fidelity.html and fidelity.json, each whole or not at all; the JSON comes last.

    Raises
    ------
    ReportError
        As `card_page`.
    """
    page = card_page(card, folder)
    for name, text in ((PAGE, page), (CARD, card.model_dump_json(indent=2) + "\n")):
        with atomic_file(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
