"""What `multiprot embed` shows: a bar while it runs, a summary at the end."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from multiprot.embedding.progress import Progress
from multiprot.embedding.write import EmbedSummary


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Counters that show themselves on the terminal's stderr; not where it is a file or a pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bars
    from rich.progress import TimeElapsedColumn as Elapsed
    from rich.progress import TimeRemainingColumn as Remaining

    console = Console(stderr=True)
    text = TextColumn("{task.description}")
    columns = (
        text,
        BarColumn(20),
        TaskProgressColumn(),
        Elapsed(),
        TextColumn("left"),
        Remaining(),
    )
    progress = Progress()
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("embedding", total=None)

        def show(progress: Progress) -> None:
            bars.update(
                task,
                description=_rates(progress),
                total=progress.total,
                completed=progress.position,
            )

        progress.notify = show
        yield progress


def _rates(progress: Progress) -> str:
    seconds = progress.seconds
    refused = f", {progress.refused:,} refused" if progress.refused else ""
    return (
        f"{progress.proteins:,} proteins, {progress.proteins / seconds:,.0f} proteins/s, "
        f"{progress.residues / seconds:,.0f} residues/s{refused}"
    )


def summary_json(summary: EmbedSummary) -> dict[str, Any]:
    """The summary as plain values."""
    kept = ("inputs", "proteins", "windowed", "duplicates", "refused", "modalities", "width")
    return {
        "out": str(summary.path),
        **{name: summary.manifest[name] for name in kept},
        "model": summary.manifest["model"],
        "computed": summary.computed,
        "computed_residues": summary.residues,
        "skipped": summary.skipped,
        "redone_shards": {str(number): why for number, why in summary.redone.items()},
        "seconds": round(summary.seconds, 3),
    }


def summary_text(summary: EmbedSummary) -> str:
    """The summary for people, and what to do next."""
    told = summary.manifest
    rows = [(f"from {n.replace('+', ' and ')}", c) for n, c in told["modalities"].items()]
    if told["windowed"]:
        limit = told["max_residues"]
        beyond = f", beyond {limit:,} residues" if limit else ""
        rows.append((f"in windows{beyond}", told["windowed"]))
    if told["duplicates"]:
        rows.append(("same as an earlier one, computed once", told["duplicates"]))
    if told["refused"]:
        rows.append(("refused", told["refused"]))
    if summary.skipped:
        rows.append(("inputs finished before", summary.skipped))
    width = max(len(label) for label, _ in rows)
    code = (
        "from multiprot.embedding import EmbeddingStore; "
        f"print(EmbeddingStore.open({json.dumps(str(summary.path))}).vectors().shape)"
    )
    seconds = summary.seconds
    return "\n".join(
        [
            f"{told['proteins']:,} proteins, {told['width']} numbers each "
            f"({told['space']} space), in {summary.path}",
            *(f"  {label:<{width}}  {count:>9,}" for label, count in rows),
            f"  {summary.computed / seconds:,.1f} proteins/s, "
            f"{summary.residues / seconds:,.0f} residues/s on {told['device']}, "
            f"{seconds:.1f} s in all",
            f"next: python -c {shlex.quote(code)}",
        ]
    )
