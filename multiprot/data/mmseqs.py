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


WHERE_FROM: Final = "Debian, Ubuntu: apt-get install mmseqs2; conda: bioconda::mmseqs2"
"""How to install the program, for messages."""


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
    options = ("--min-seq-id", str(identity), *_SEARCH_OPTIONS)
    found = easy_search(queries, targets, "query,fident", options, threads=threads)
    return {int(query): float(share) for query, share in found}


def easy_search(
    queries: Sequence[str],
    targets: Sequence[str],
    fields: str,
    options: Sequence[str],
    *,
    threads: int,
) -> list[list[str]]:
    """What `mmseqs easy-search` says of each alignment.

    Parameters
    ----------
    queries, targets
        Sequences.
    fields
        Columns as in `--format-output`; the names of sequences are their positions.
    options
        Further ones of mmseqs2.
    threads
        For mmseqs2.

    Raises
    ------
    DataError
        If mmseqs2 fails.
    """
    with TemporaryDirectory(prefix="multiprot-search-") as name:
        folder = Path(name)
        for file, sequences in (("queries.fasta", queries), ("targets.fasta", targets)):
            records = (ProteinRecord(id=str(i), sequence=s) for i, s in enumerate(sequences))
            write_fasta(records, folder / file)
        searched = ("easy-search", "queries.fasta", "targets.fasta", "found.tsv", "scratch")
        told = ("--format-output", fields, "--threads", str(threads))
        table = run_mmseqs((*searched, *options, *told), folder, "found.tsv")
        return [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()]
