"""Reading structure files: PDB, mmCIF and BinaryCIF, plain or compressed."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from multiprot.errors import FileFormatError, MultiprotError
from multiprot.files import read_bytes
from multiprot.proteins.account import StructureReading
from multiprot.proteins.binarycif_reader import read_binarycif
from multiprot.proteins.chain import read_chain
from multiprot.proteins.cif_tables import CifTables
from multiprot.proteins.entry import PROTEIN, Entry, read_entry
from multiprot.proteins.gemmi_reader import PDB_ATOM, read_mmcif, read_pdb

STRUCTURE_SUFFIXES: Final = (".bcif", ".cif", ".mmcif", ".pdb", ".ent")
"""Names under which structures travel; ".gz" or ".xz" may follow."""

_MMCIF_START: Final = re.compile(rb"(?:\s|#[^\n]*\n)*data_", re.IGNORECASE)
_PDB_START: Final = re.compile(rb"\s*(?:HEADER|TITLE |COMPND|REMARK|SEQRES|CRYST1|MODEL|END)")


def read_structure_file(
    path: Path | str, *, chains: Sequence[str] | None = None
) -> list[StructureReading]:
    """Read the protein chains of a file's first model.

    The format is told by the content, not by the name. Ligands, waters and nucleic acids are left
    out. The full sequence (SEQRES, entity_poly_seq) is kept, with unresolved residues as NaN;
    where the file states none, the observed residues are the sequence, and a jump in the
    numbering becomes a chain break, never an invented residue.

    Parameters
    ----------
    path
        PDB, mmCIF or BinaryCIF; plain, gzip or xz.
    chains
        Author ids of the chains to read, in the order wanted; None for all protein chains.

    Returns
    -------
    list[StructureReading]
        One record and account per chain. A record's id is the file's name without its suffixes
        if the file has one protein chain and none was asked for by name, else that name followed
        by "_" and the chain id.

    Raises
    ------
    FileFormatError
        If the file cannot be read, holds no protein, lacks a chain that is asked for, or
        contradicts itself.
    """
    source = Path(path)
    content = read_bytes(source)
    try:
        entry = read_entry(_read_tables(content))
        wanted = _protein_chains(entry) if chains is None else _chosen(entry, chains)
        alone = chains is None and len(wanted) == 1
        stem = structure_stem(source)
        return [read_chain(entry, c, stem if alone else f"{stem}_{c}") for c in wanted]
    except MultiprotError as error:
        raise FileFormatError(f"{source}: {error}") from None


def is_structure_file(path: Path | str) -> bool:
    """Whether a file's name says that it holds a structure."""
    return structure_stem(Path(path)) != _without_compression(Path(path).name)


def structure_stem(path: Path) -> str:
    """The file's name without ".gz" or ".xz" and without the suffix of a structure format."""
    name = _without_compression(path.name)
    for suffix in STRUCTURE_SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name


def _without_compression(name: str) -> str:
    return name[:-3] if name.lower().endswith((".gz", ".xz")) else name


def _read_tables(content: bytes) -> CifTables:
    """Tell the format by the content and read it."""
    if not content.strip():
        raise FileFormatError("the file is empty")
    if b"dataBlocks" in content[:1024]:
        return read_binarycif(content)
    if b"\0" in content:
        raise FileFormatError(
            "binary data (or UTF-16) that is not BinaryCIF; give a structure file"
        )
    text = content.removeprefix(BOM_UTF8)
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if _MMCIF_START.match(text) or b"\n_atom_site." in text:
        return read_mmcif(text)
    if PDB_ATOM.search(text) or _PDB_START.match(text):
        return read_pdb(text)
    raise FileFormatError(
        f"neither PDB, mmCIF nor BinaryCIF: it begins with {text[:20]!r}; give a structure file"
    )


def _protein_chains(entry: Entry) -> list[str]:
    proteins = [chain for chain, kind in entry.kinds.items() if kind == PROTEIN]
    if not proteins:
        others = ", ".join(f"chain {c} is {kind}" for c, kind in entry.kinds.items())
        raise FileFormatError(f"no protein chain ({others or 'no polymer at all'})")
    return proteins


def _chosen(entry: Entry, chains: Sequence[str]) -> list[str]:
    if isinstance(chains, str) or not chains:
        raise FileFormatError(f"chains={chains!r}: give a sequence of chain ids, e.g. ['A']")
    for chain in chains:
        kind = entry.kinds.get(chain)
        if kind is None:
            known = ", ".join(entry.kinds) or "none"
            raise FileFormatError(f"there is no polymer chain {chain!r}; it has {known}")
        if kind != PROTEIN:
            raise FileFormatError(f"chain {chain} is {kind}, not protein")
    return list(dict.fromkeys(chains))
