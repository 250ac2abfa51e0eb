"""Whether plotly knows every key of a figure."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from multiprot.report.figure import Figure


def plotly_takes(figure: Figure) -> None:
    """Raise ValueError if plotly does not know a key or refuses a value."""
    go.Figure(_black(figure.data), _black({**figure.layout, **figure.narrow}))


def _black(value: Any) -> Any:
    """The figure with a colour of plotly's own for each that the page gives."""
    if isinstance(value, dict):
        return {k: "black" if _is_colour(k, v) else _black(v) for k, v in value.items()}
    return [_black(each) for each in value] if isinstance(value, list) else value


def _is_colour(key: str, value: Any) -> bool:
    return key.endswith("color") and isinstance(value, str) and value.startswith("@")
