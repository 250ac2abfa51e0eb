"""One part of the page, as its template takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from multiprot.report.figure import Figure
from multiprot.report.space import SpaceMap


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSection:
    """One part of the page.

    Attributes
    ----------
    id
        Anchor.
    title
        Heading.
    template
        Name of its template.
    content
        What the template is given.
    figures
        Plots in it.
    space
        The map in it, if it is one.
    """

    id: str
    title: str
    template: str
    content: Mapping[str, Any]
    figures: Sequence[Figure] = field(default_factory=tuple)
    space: SpaceMap | None = None
