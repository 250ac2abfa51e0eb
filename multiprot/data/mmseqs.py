"""mmseqs2, the program that finds similar sequences (Steinegger and Söding 2017)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from multiprot.errors import DataError
from multiprot.proteins import ProteinRecord, write_fasta

_SEARCH_OPTIONS: Final = ("-c", "0.5", "--cov-mode", "5", "--max-seqs", "1")
"""Half of the shorter sequence must align; the best hit is enough."""


def has_mmseqs() -> bool:
    """Whether the program is installed."""
    return shutil.which("mmseqs") is not None


def run_mmseqs(arguments: Sequence[str], folder: Path, made: str) -> Path:
    """Run the program in a folder; the file that it made there.

    Raises
    ------
    DataError
        If it fails, with the last line that it said.
    """
    done = subprocess.run(  # noqa: S603
        ["mmseqs", *arguments, "-v", "1"],  # noqa: S607
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    table = folder / made
    if done.returncode != 0 or not table.is_file():
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise DataError(f"mmseqs {arguments[0]} failed with code {done.returncode}: {last[0]}")
    return table


def similar_sequences(
    queries: Sequence[str], targets: Sequence[str], identity: float, *, threads: int
) -> dict[int, float]:
    """Position of each query that is like a target, and how like the best hit is.

    Parameters
    ----------
    queries, targets
        Sequences.
    identity
        Least sequence identity, in (0, 1], over at least half of the shorter sequence.
    threads
        For mmseqs2.

    Returns
    -------
    dict
        Position among the queries -> identity with the hit of the highest score.

    Raises
    ------
    DataError
        If mmseqs2 fails.
    """
    with TemporaryDirectory(prefix="multiprot-search-") as name:
        folder = Path(name)
        for file, sequences in (("queries.fasta", queries), ("targets.fasta", targets)):
            records = (ProteinRecord(id=f"p{i}", sequence=s) for i, s in enumerate(sequences))
            write_fasta(records, folder / file)
        table = run_mmseqs(
            (
                *("easy-search", "queries.fasta", "targets.fasta", "found.tsv", "scratch"),
                *("--min-seq-id", str(identity), *_SEARCH_OPTIONS),
                *("--format-output", "query,fident", "--threads", str(threads)),
            ),
            folder,
            "found.tsv",
        )
        rows = (line.split("\t") for line in table.read_text(encoding="utf-8").splitlines())
        return {int(query[1:]): float(found) for query, found in rows}
