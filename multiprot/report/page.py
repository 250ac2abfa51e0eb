"""The page: templates filled, and every script, style and number inside of one file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

from multiprot.report.inputs import ReportInput
from multiprot.report.libraries import report_library
from multiprot.report.page_section import PageSection

_SCRIPTS: Final = ("theme.js", "plots.js", "tables.js", "space.js", "page.js")


def render(sections: Sequence[PageSection], inputs: Sequence[ReportInput], title: str) -> str:
    """The whole page.

    All text from data goes through Jinja's escaping or through `script_json`, so that no id or name
    can become markup.

    Parameters
    ----------
    sections
        In order.
    inputs
        Listed at the end of the page.
    title
        Heading.
    """
    jinja = report_library("jinja2")
    plotly = report_library("plotly.offline")
    assets = files("multiprot.report") / "assets"
    environment = jinja.Environment(
        loader=jinja.FunctionLoader(lambda name: (assets / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    safe = report_library("markupsafe").Markup
    page: str = environment.get_template("page.html").render(
        title=title,
        sections=sections,
        inputs=inputs,
        version=version("multiprot"),
        date=datetime.now(UTC).date().isoformat(),
        style=safe((assets / "page.css").read_text(encoding="utf-8")),
        scripts=safe("\n".join((assets / n).read_text(encoding="utf-8") for n in _SCRIPTS)),
        plotly=safe(plotly.get_plotlyjs()),
        data=safe(script_json(_data(sections))),
    )
    return page


def _data(sections: Sequence[PageSection]) -> dict[str, Any]:
    return {
        "figures": [figure.to_json() for section in sections for figure in section.figures],
        "spaces": [
            {"id": section.id, **section.space.to_json()}
            for section in sections
            if section.space is not None
        ],
    }


def script_json(value: Any) -> str:
    """JSON that may stand inside of a script element, whatever texts are in it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
