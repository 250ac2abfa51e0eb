"""From folders to a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from multiprot.errors import ReportError
from multiprot.files import atomic_file, refuse_existing
from multiprot.report.inputs import InputKind, ReportInput, recognised
from multiprot.report.options import ReportOptions
from multiprot.report.page import render
from multiprot.report.sections import page_sections
from multiprot.report.space import Say


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """What was written.

    Attributes
    ----------
    out
        The page.
    sections
        Titles.
    size
        Bytes.
    """

    out: Path
    sections: tuple[str, ...]
    size: int


def build_report(
    folders: Sequence[Path],
    options: ReportOptions = ReportOptions(),  # noqa: B008 (frozen)
    *,
    say: Say = lambda told: None,
) -> tuple[str, tuple[str, ...]]:
    """A page of what `folders` hold, and the titles of its sections.

    Parameters
    ----------
    folders
        Training runs, embedding stores, evaluations, transfer folders, in any order.
    options
        What is shown.
    say
        Told of each slow step as it begins.

    Returns
    -------
    tuple
        One HTML file that needs no other and no network; titles.

    Raises
    ------
    ReportError
        If a folder is none of these, or an option is about something that was not given.
    MultiprotError
        If an input is broken; names the file.
    """
    if not folders:
        raise ReportError("nothing to report on; give at least one folder")
    inputs = recognised(folders)
    _refuse_idle(inputs, options)
    sections = list(page_sections(inputs, options, say))
    return render(sections, inputs, options.title), tuple(section.title for section in sections)


def write_report(
    folders: Sequence[Path],
    out: Path,
    options: ReportOptions = ReportOptions(),  # noqa: B008 (frozen)
    *,
    overwrite: bool = False,
    say: Say = lambda told: None,
) -> ReportSummary:
    """Write the page of `build_report`, whole or not at all.

    Raises
    ------
    OutputExistsError
        If `out` is there and `overwrite` is not asked for.
    MultiprotError
        As `build_report`.
    """
    if out.is_dir():
        raise ReportError(f"{out}: is a folder; give the name of a file, such as report.html")
    refuse_existing(out, overwrite=overwrite)
    page, titles = build_report(folders, options, say=say)
    with atomic_file(out) as partial:
        partial.write_text(page, encoding="utf-8")
    return ReportSummary(out, titles, out.stat().st_size)


def _refuse_idle(inputs: Sequence[ReportInput], options: ReportOptions) -> None:
    """Options that would have no effect are mistakes."""
    kinds = {given.kind for given in inputs}
    for name in ("colours", "annotations"):
        if getattr(options, name) is not None and InputKind.STORE not in kinds:
            raise ReportError(
                f"--{name} {getattr(options, name)} is about maps, but no embedding store is given"
            )
    if options.speed is not None and InputKind.EVALUATION not in kinds:
        raise ReportError(f"--speed {options.speed} is about scores, but no evaluation is given")
