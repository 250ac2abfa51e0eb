"""PDB and mmCIF through gemmi, handed on as CIF categories."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import gemmi
import numpy as np
from numpy.typing import NDArray

from multiprot.errors import FileFormatError
from multiprot.proteins.cif_tables import (
    NEEDED_CATEGORIES,
    CifTable,
    CifTables,
    blank_unknown,
    plausible,
    to_numbers,
)

BLANK_CHAIN: Final = "_"
"""Name of a PDB chain whose letter is a blank."""

PDB_ATOM: Final = re.compile(rb"^(?:ATOM  |HETATM)", re.MULTILINE)
"""Beginning of a coordinate line."""

_METHOD: Final = re.compile(rb"^EXPDTA    +(.+?)\s*$", re.MULTILINE)
_DESCRIPTION: Final = re.compile(rb"^(?:HEADER|TITLE |COMPND|REMARK)(.*)$", re.MULTILINE)
_GROUPS: Final = ("atoms", "group_pdb", "entity", "entity_poly", "entity_poly_seq", "struct_asym")
_QUOTES: Final = frozenset("'\";")


class TextTable:
    """A category of text values, row after row, as they stand in the file."""

    def __init__(self, names: Sequence[str], values: Sequence[str]) -> None:
        self._names = [name.lower() for name in names]
        self._values = values

    def __len__(self) -> int:
        return len(self._values) // len(self._names)

    def text(self, name: str) -> NDArray[np.str_] | None:
        """See `CifTable.text`."""
        column = self._column(name)
        if column is None:
            return None
        if not _QUOTES.isdisjoint("".join(column)):
            column = [_bare(value) for value in column]
        return blank_unknown(np.array(column, dtype=np.str_))

    def numbers(self, name: str) -> NDArray[np.float64] | None:
        """See `CifTable.numbers`."""
        column = self._column(name)
        if column is None:
            return None
        try:
            # Five times as fast as converting an array of text, and nearly always possible.
            numbers = np.array([float(value) for value in column])
        except ValueError:
            return to_numbers(blank_unknown(np.array(column, dtype=np.str_)), name)
        return plausible(numbers, name)

    def _column(self, name: str) -> Sequence[str] | None:
        if name.lower() not in self._names:
            return None
        return self._values[self._names.index(name.lower()) :: len(self._names)]


def read_mmcif(content: bytes) -> CifTables:
    """Categories of the first data block that has atoms."""
    with _parsing("mmCIF"):
        for block in gemmi.cif.read_string(content):
            if len(block.find_mmcif_category("_atom_site.")):
                return _block_tables(block)
    raise FileFormatError("the mmCIF file holds no atoms (no _atom_site rows)")


def read_pdb(content: bytes) -> CifTables:
    """Categories of a PDB file; gemmi tells polymers from ligands and reads SEQRES and MODRES.

    There is no `label_seq_id`: placing the residues on SEQRES is left to the caller.
    """
    first_atom = PDB_ATOM.search(content)
    if not first_atom:
        raise FileFormatError("the PDB file holds no atoms (no ATOM or HETATM lines)")
    with _parsing("PDB"):
        tables = _structure_tables(gemmi.read_pdb_string(content))
    if "atom_site" not in tables:
        raise FileFormatError("the PDB file holds no atom that gemmi can read")
    return tables | _header_tables(content[: first_atom.start()])


def _structure_tables(structure: Any) -> dict[str, CifTable]:
    structure.merge_chain_parts()
    for model in structure:
        for chain in model:
            chain.name = chain.name.strip() or BLANK_CHAIN
    structure.setup_entities()
    groups = gemmi.MmcifOutputGroups(False)
    for name in _GROUPS:
        setattr(groups, name, True)
    tables = _block_tables(structure.make_mmcif_block(groups))
    modified = [v for m in structure.mod_residues for v in (m.res_id.name, m.parent_comp_id or "?")]
    if modified:
        names = ("label_comp_id", "parent_comp_id")
        tables["pdbx_struct_mod_residue"] = TextTable(names, modified)
    return tables


def _header_tables(header: bytes) -> dict[str, CifTable]:
    """How the structure was determined and what its header calls it."""
    tables: dict[str, CifTable] = {}
    if method := _METHOD.search(header):
        tables["exptl"] = TextTable(["method"], [_quoted(method.group(1))])
    description = b" ".join(_DESCRIPTION.findall(header))
    tables["struct"] = TextTable(["title"], [_quoted(description)])
    return tables


def _block_tables(block: Any) -> dict[str, CifTable]:
    tables: dict[str, CifTable] = {}
    for category in NEEDED_CATEGORIES:
        prefix = f"_{category}."
        table = block.find_mmcif_category(prefix)
        if len(table):
            loop = table.loop
            values = loop.values if loop is not None else list(table[0])
            tables[category] = TextTable([tag[len(prefix) :] for tag in table.tags], values)
    return tables


def _bare(value: str) -> str:
    """A CIF value without its quotes; gemmi writes a lone quote in a PDB column without any."""
    quoted = len(value) > 1 and value[0] in _QUOTES and value[0] == value[-1]
    return str(gemmi.cif.as_string(value)) if quoted else value


def _quoted(text: bytes) -> str:
    """Text as one CIF value, so that a leading quote or a lone "?" in it means nothing."""
    return str(gemmi.cif.quote(" ".join(text.decode("latin-1").split())))


@contextmanager
def _parsing(file_format: str) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"{file_format} with bytes that are not UTF-8 ({error.reason}); convert it, for "
            "example with iconv"
        ) from None
    except (ValueError, RuntimeError, IndexError) as error:
        cause = " ".join(str(error).split())
        raise FileFormatError(f"gemmi cannot parse this {file_format} file ({cause})") from None
