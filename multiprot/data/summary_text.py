"""The figures of a corpus as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_BAR_WIDTH: Final = 40


def summary_lines(summary: Mapping[str, Any]) -> list[str]:
    """What `summarize` found, for a terminal; plain text without colours."""
    parts = (_splits, _lengths, _go, _overlap, _exclusion, _report)
    lines = [f"corpus {summary['path']}", f"content {summary['content_hash'][:16]}…"]
    for part in parts:
        found = list(part(summary))
        if found:
            lines += ["", *found]
    return lines


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Lines of a table: the first column left, figures right, thousands separated."""
    cells = [[f"{c:,}" if isinstance(c, int) else str(c) for c in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        figures = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        yield "  ".join((row[0].ljust(widths[0]), *figures)).rstrip()


def _splits(summary: Mapping[str, Any]) -> Iterator[str]:
    splits = summary["splits"]
    columns = list(next(iter(splits.values())))
    rows = [[split, *(counts[column] for column in columns)] for split, counts in splits.items()]
    total = ["all", *(sum(counts[column] for counts in splits.values()) for column in columns)]
    yield from table(["split", *(c.replace("_and_", "+") for c in columns)], [*rows, total])


def _lengths(summary: Mapping[str, Any]) -> Iterator[str]:
    lengths = summary["lengths"]
    bins = lengths["histogram"]
    percentiles = ", ".join(f"{p} %: {v:g}" for p, v in lengths["percentiles"].items())
    yield f"length in residues: {lengths['min']} to {lengths['max']:,} ({percentiles})"
    most = max(b["proteins"] for b in bins)
    ends = [*(f"{b['from'] - 1}" for b in bins[1:]), ""]
    for entry, end in zip(bins, ends, strict=True):
        bar = "█" * round(_BAR_WIDTH * entry["proteins"] / most)
        if entry["proteins"] and not bar:
            bar = "▏"
        yield f"{entry['from']:>6}–{end:<5} {entry['proteins']:>9,} {bar}".rstrip()


def _go(summary: Mapping[str, Any]) -> Iterator[str]:
    go = summary["go"]
    if go is None:
        yield "no ontology"
        return
    yield f"GO release {go['release']}; proteins with annotation, after propagation:"
    namespaces = go["namespaces"]
    columns = list(next(iter(namespaces.values())))
    rows = [[name, *(found[column] for column in columns)] for name, found in namespaces.items()]
    yield from table(["namespace", *columns], rows)


def _overlap(summary: Mapping[str, Any]) -> Iterator[str]:
    shared = ", ".join(f"{pair} {count:,}" for pair, count in summary["overlap"].items())
    yield f"equal sequences in two splits: {shared}"


def _exclusion(summary: Mapping[str, Any]) -> Iterator[str]:
    exclusion = summary["exclusion"]
    if exclusion is None:
        yield "no exclusion list was applied"
        return
    left_out = ", ".join(f"{split} {n:,}" for split, n in exclusion["left_out"].items() if n)
    yield f"left out by {exclusion['file']}: {left_out or 'none'}"
    yield f"  for the tasks {', '.join(exclusion['tasks'])}"


def _report(summary: Mapping[str, Any]) -> Iterator[str]:
    report = summary["report"]
    if report is None:
        return
    for kind, found in report.items():
        refused = ", ".join(f"{count:,} {reason}" for reason, count in found["refused"].items())
        yield f"{kind} inputs: {found['kept']:,} kept, refused: {refused or 'none'}"
