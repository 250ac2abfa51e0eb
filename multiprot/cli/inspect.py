"""`multiprot inspect`: what became of every residue of a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multiprot.errors import MultiprotError

if TYPE_CHECKING:
    from multiprot.proteins import StructureAccount

_WIDTH_IN_A_PIPE = 200
_POSITIONS_SHOWN = 6


def inspect(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="PDB, mmCIF, BinaryCIF or FASTA files.")
    ],
    chain: Annotated[
        list[str] | None,
        typer.Option("--chain", help="Author chain id; repeat for several. Default: all."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Accounts as a JSON array.")] = False,
) -> None:
    """Account for every residue: resolved, modified, unknown, alternate locations, breaks.

    A file that cannot be read is reported on stderr; the others are still printed, and the exit
    code is 2.
    """
    report = _Report(files, chain)
    if as_json:
        _print_json(report.accounts())
    else:
        _print_table(list(report.accounts()))
    if report.failures:
        raise typer.Exit(2)


class _Report:
    """Accounts of the records of several files; failures are counted and told on stderr."""

    def __init__(self, files: list[Path], chains: list[str] | None) -> None:
        self.failures = 0
        self._files = files
        self._chains = chains

    def accounts(self) -> Iterator[StructureAccount]:
        """One account per record, file after file."""
        for path in self._files:
            try:
                yield from self._of_file(path)
            except MultiprotError as error:
                self._fail(error)

    def _of_file(self, path: Path) -> Iterator[StructureAccount]:
        from multiprot.proteins import read_fasta, read_structure_file, sequence_account

        if not _is_fasta(path):
            readings = read_structure_file(path, chains=self._chains)
            for left_out in readings[0].account.left_out:
                print(f"note: {path}: chain {left_out} is left out", file=sys.stderr)
            yield from (reading.account for reading in readings)
        elif self._chains:
            raise MultiprotError(f"{path}: a FASTA file has no chains; drop --chain")
        else:
            for record in read_fasta(path, on_bad=self._fail):
                yield sequence_account(record)

    def _fail(self, error: MultiprotError) -> None:
        self.failures += 1
        print(f"error: {error}", file=sys.stderr)


def _is_fasta(path: Path) -> bool:
    """By the name; where that says nothing, by the first character."""
    from multiprot.files import open_binary
    from multiprot.proteins import FASTA_SUFFIXES, is_structure_file

    plain = path.with_suffix("") if path.suffix.lower() in (".gz", ".xz") else path
    if is_structure_file(path) or plain.suffix.lower() in FASTA_SUFFIXES:
        return not is_structure_file(path)
    with open_binary(path) as handle:
        return handle.read(1) == b">"


def _print_json(accounts: Iterable[StructureAccount]) -> None:
    """One account a line, printed as they come."""
    before = "[\n"
    for account in accounts:
        print(before + json.dumps(account.to_json()), end="")
        before = ",\n"
    print("[]" if before == "[\n" else "\n]")


def _print_table(accounts: list[StructureAccount]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not accounts:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("id", overflow="fold")
    for heading in ("residues", "resolved", "unresolved", "unknown", "altlocs", "breaks", "models"):
        table.add_column(heading, justify="right")
    table.add_column("chains", overflow="fold")
    table.add_column("modified", overflow="fold")
    for account in accounts:
        counts = (
            *(account.residues, account.resolved, account.unresolved, account.unknown),
            *(len(account.altlocs), account.breaks, account.models),
        )
        cells = (account.id, *map(str, counts), " ".join(account.chains), _modified(account))
        # Text: a chain or file name such as "[red]" is no markup.
        table.add_row(*(Text(cell) for cell in cells))
    Console(width=None if sys.stdout.isatty() else _WIDTH_IN_A_PIPE).print(table)


def _modified(account: StructureAccount) -> str:
    """Modified residues by component, with parents and the first positions."""
    groups = []
    residues = sorted(account.modified, key=lambda m: (m.component, m.parent, m.position))
    for (component, parent), members in groupby(residues, lambda m: (m.component, m.parent)):
        positions = [str(member.position) for member in members]
        more = ", …" if len(positions) > _POSITIONS_SHOWN else ""
        shown = ", ".join(positions[:_POSITIONS_SHOWN])
        groups.append(f"{len(positions)} {component}→{parent} ({shown}{more})")
    return "; ".join(groups)
