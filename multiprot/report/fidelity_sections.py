"""Sections of the page that a fidelity card becomes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from multiprot.fidelity.card import FidelityCard
from multiprot.report.fidelity_figures import (
    line_name,
    speed_figure,
    task_figures,
    vector_figures,
)
from multiprot.report.figure import Figure, legend
from multiprot.report.page_section import PageSection


def fidelity_sections(card: FidelityCard, owner: str, where: str = "") -> Iterator[PageSection]:
    """What is kept, task by task, vectors, speed, and who the models are.

    Parameters
    ----------
    card
        What was measured.
    owner
        Begins the ids of sections and figures.
    where
        Behind each title, where a page has several cards.
    """
    parts: tuple[tuple[str, str, list[Figure]], ...] = (
        ("kept", "What the student keeps", []),
        ("tasks", "Task by task", list(task_figures(card, owner))),
        ("vectors", "Vectors side by side", list(vector_figures(card, owner))),
        ("speed", "Speed and memory", [speed_figure(card, owner)]),
        ("models", "Models, proteins, command", []),
    )
    for name, title, figures in parts:
        yield PageSection(
            id=f"{owner}-{name}",
            title=f"{title}{where}",
            template=f"fidelity_{name}.html",
            content=_content(card),
            figures=figures,
        )


def _content(card: FidelityCard) -> dict[str, Any]:
    names = (card.student.name, *(teacher.model.name for teacher in card.teachers))
    return {
        "card": card,
        "models": (card.student, *(teacher.model for teacher in card.teachers)),
        "legend": legend(names)[1:],
        "several": len(card.teachers) > 1,
        "line_name": line_name,
        "tolerance": f"±{100 * float(card.options['tolerance']):g} %",
        "confidence": f"{100 * float(card.scoring['confidence']):g} %",
    }
