"""A figure as plotly.js takes it; colours are names, which the page gives the theme's values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

Trace = dict[str, Any]

COLOURS: Final = 10
"""Different colours of a page's palette."""

SYMBOLS: Final = ("circle", "diamond", "square", "triangle-up", "x", "star")
PATTERNS: Final = ("", "/", ".", "x", "-", "+")
"""What tells the eleventh of something from the first, which has the same colour."""

_SHORT: Final = 16
"""Letters; the whole name is read where the plot is touched, and in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One plot.

    Attributes
    ----------
    id
        Of its element in the page.
    title
        Heading above it.
    alt
        What it shows, for those who do not see it.
    data, layout
        Of plotly. A colour "@1" to "@10" is one of the palette, "@ink", "@muted", "@line",
        "@surface" and "@accent" are the page's own. Text from data has gone through `shown`.
    height
        CSS pixels.
    wide
        Takes the whole width of the page.
    note
        A sentence below it.
    narrow
        Put over the layout where there is little room, as on a phone.
    """

    id: str
    title: str
    alt: str
    data: list[Trace]
    layout: dict[str, Any] = field(default_factory=dict)
    height: int = 260
    wide: bool = False
    note: str = ""
    narrow: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """What the page's script needs."""
        return {
            "id": self.id,
            "data": self.data,
            "layout": self.layout,
            "narrow": self.narrow,
            "height": self.height,
        }


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """A name and the number of its colour, from 1."""

    name: str
    colour: int


def shown(text: object) -> str:
    """A text that plotly shows as it is, though it would take `<b>` for markup."""
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;")
    return escaped.replace(">", "&gt;")


def short(name: str) -> str:
    """A name that fits beside a plot on a phone, with an ellipsis if it was longer."""
    return name if len(name) <= _SHORT else f"{name[: _SHORT - 1]}…"


def colour(number: int) -> str:
    """Name of the colour of the series `number`, from 0; the palette begins anew when it ends."""
    return f"@{number % COLOURS + 1}"


def legend(names: tuple[str, ...]) -> tuple[LegendEntry, ...]:
    """Series in order with their colours."""
    return tuple(LegendEntry(name, i % COLOURS + 1) for i, name in enumerate(names))


def symbol(number: int) -> str:
    """Shape of the point of the series `number`, from 0."""
    return SYMBOLS[number // COLOURS % len(SYMBOLS)]


def pattern(number: int) -> str:
    """Hatching of the bar of the series `number`, from 0."""
    return PATTERNS[number // COLOURS % len(PATTERNS)]


def around(
    values: list[float | None], lows: list[float | None], highs: list[float | None]
) -> Trace:
    """Error bars from the ends of intervals; none where an end is not known."""

    def reach(end: float | None, value: float | None, sign: float) -> float:
        return 0.0 if end is None or value is None else max(0.0, sign * (end - value))

    return {
        "type": "data",
        "symmetric": False,
        "array": [reach(h, v, 1.0) for h, v in zip(highs, values, strict=True)],
        "arrayminus": [reach(e, v, -1.0) for e, v in zip(lows, values, strict=True)],
        "thickness": 1.2,
        "width": 3,
        "color": "@ink",
    }
