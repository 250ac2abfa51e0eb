"""Whole PDB entries: three formats give one record, and the files' own records are the judge."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from multiprot.errors import FileFormatError
from multiprot.proteins import StructureReading, read_structure_file

ENTRIES = [
    *("1aki", "1dix", "1f2n", "1igy", "1k6p", "1l2y", "1o1z", "2axd", "2d0f", "3o5r"),
    *("4i39", "5eil", "5h73", "5ugo", "7gsa"),
]
WITH_HEADER = [*(f"{e}.pdb.gz" for e in ENTRIES if e not in ("4i39", "7gsa")), "bp_1A8O.pdb.gz"]
WITH_HEADER += ["bp_2BEG.pdb.gz", "bp_2n0n_M1.pdb.gz", "bp_1LCD.pdb.gz"]
WITH_TABLES = [*(f"{e}.cif.gz" for e in ENTRIES), "bp_1A8O.cif.gz", "bp_3JQH.cif.gz"]
WITH_TABLES += ["bp_4ZHL.cif.gz"]


def readings(folder: Path, name: str) -> dict[str, StructureReading]:
    """By chain."""
    found = read_structure_file(folder / name)
    return dict(zip(found[0].account.chains, found, strict=True))


@pytest.fixture
def whole(shared: Path) -> Path:
    return shared / "data/structures_whole"


@pytest.mark.parametrize("entry", ENTRIES)
def test_three_formats_give_one_record(whole: Path, entry: str) -> None:
    paths = [whole / f"{entry}.{suffix}.gz" for suffix in ("cif", "bcif", "pdb")]
    first, *others = [read_structure_file(path) for path in paths if path.exists()]
    assert others
    for other in others:
        assert [r.record for r in other] == [r.record for r in first]
        assert [r.account for r in other] == [r.account for r in first]


@pytest.mark.parametrize("suffix", ["cif", "bcif", "pdb"])
def test_an_entry_of_rna_alone_is_refused(whole: Path, suffix: str) -> None:
    with pytest.raises(FileFormatError, match=r"no protein chain \(chain A is RNA\)"):
        read_structure_file(whole / f"4gxy.{suffix}.gz")


def remark_465(text: str) -> Counter[str]:
    """Unresolved residues per chain as a PDB file lists them."""
    lines = [line for line in text.splitlines() if line.startswith("REMARK 465")]
    starts = [i for i, line in enumerate(lines) if "SSSEQI" in line and "=" not in line]
    rows = [line[10:].split() for line in lines[starts[-1] + 1 :]] if starts else []
    return Counter(row[-2] for row in rows)


def modres(text: str) -> set[tuple[str, str, str]]:
    """Chain, residue number and component of modified residues; glycosylation changes none."""
    lines = [line for line in text.splitlines() if line.startswith("MODRES")]
    return {
        (line[16], line[18:23].strip(), line[12:15].strip())
        for line in lines
        if line[12:15] != line[24:27]
    }


def seqres_lengths(text: str) -> dict[str, int]:
    lines = [line for line in text.splitlines() if line.startswith("SEQRES")]
    return {line[11]: int(line[13:17]) for line in lines}


@pytest.mark.parametrize("name", WITH_HEADER)
def test_pdb_accounts_equal_the_headers_own(whole: Path, name: str) -> None:
    text = gzip.decompress((whole / name).read_bytes()).decode()
    missing, lengths = remark_465(text), seqres_lengths(text)
    for chain, reading in readings(whole, name).items():
        assert reading.account.unresolved == missing[chain]
        assert reading.account.residues == len(reading.record) == lengths[chain]
        declared = [component for c, _, component in modres(text) if c == chain]
        assert sorted(m.component for m in reading.account.modified) == sorted(declared)


def rows(text: str, category: str) -> list[dict[str, str]]:
    """Rows of a CIF category, by an own small parser that knows loops and lone items."""
    found: list[dict[str, str]] = []
    lone: dict[str, str] = {}
    lines = iter(text.splitlines())
    names: list[str] = []
    for line in lines:
        if line.startswith(f"_{category}."):
            name, *value = line.removeprefix(f"_{category}.").split(maxsplit=1)
            if value:
                lone[name] = value[0].strip().strip("'\"")
            else:
                names.append(name)
        elif names and line.startswith(("#", "_", "loop_")):
            break
        elif names:
            values = line.replace("'GLYCOSYLATION SITE'", "GLYCOSYLATION").split()
            found.append(dict(zip(names, values, strict=False)))
    return [lone] if lone else found


@pytest.mark.parametrize("name", WITH_TABLES)
def test_mmcif_accounts_equal_the_tables_own(whole: Path, name: str) -> None:
    text = gzip.decompress((whole / name).read_bytes()).decode()
    missing = Counter(
        row["auth_asym_id"]
        for row in rows(text, "pdbx_unobs_or_zero_occ_residues")
        if row["polymer_flag"] == "Y"
        and row["occupancy_flag"] == "1"
        and row["PDB_model_num"] == "1"
    )
    # Heterogeneous residues have one row per component.
    places = {(r["pdb_strand_id"], r["seq_id"]) for r in rows(text, "pdbx_poly_seq_scheme")}
    scheme = Counter(chain for chain, _ in places)
    changed = [
        r
        for r in rows(text, "pdbx_struct_mod_residue")
        if r["label_comp_id"] != r["parent_comp_id"]
    ]
    for chain, reading in readings(whole, name).items():
        assert reading.account.unresolved == missing[chain]
        assert reading.account.residues == scheme[chain]
        declared = [
            (int(r["label_seq_id"]), r["label_comp_id"])
            for r in changed
            if r["auth_asym_id"] == chain
        ]
        told = [(m.position, m.component) for m in reading.account.modified]
        assert told == sorted(declared)


@pytest.mark.parametrize("name", ["1k6p.pdb.gz", "3o5r.pdb.gz", "1o1z.pdb.gz", "5ugo.pdb.gz"])
def test_every_residue_with_alternate_locations_is_told(whole: Path, name: str) -> None:
    text = gzip.decompress((whole / name).read_bytes()).decode()
    for chain, reading in readings(whole, name).items():
        labelled = {
            line[22:27]
            for line in text.split("\nTER")[0].splitlines()
            if line.startswith("ATOM") and line[16] != " " and line[21] == chain
        }
        if chain == reading.account.chains[0] and not reading.account.left_out:
            assert len(reading.account.altlocs) == len(labelled) > 0


@pytest.mark.parametrize(("name", "models"), [("1l2y", 38), ("2axd", 12)])
def test_models_are_counted(whole: Path, name: str, models: int) -> None:
    text = gzip.decompress((whole / f"{name}.pdb.gz").read_bytes()).decode()
    assert text.count("\nMODEL ") == models
    first = text.split("\nENDMDL")[0]
    expected = [line[30:54].split() for line in first.splitlines() if line[12:16] == " CA "]
    reading = read_structure_file(whole / f"{name}.cif.gz")[0]
    assert reading.account.models == models
    np.testing.assert_allclose(
        reading.record.structure.coordinates[:, 1], np.array(expected, dtype=float), atol=1e-4
    )


def test_an_antibody_has_its_chains_with_author_ids(whole: Path) -> None:
    found = read_structure_file(whole / "1igy.bcif.gz", chains=["D", "A"])
    assert [r.record.id for r in found] == ["1igy_D", "1igy_A"]
    assert [len(r.record) for r in found] == [434, 213]


def test_dna_beside_protein_is_left_out_and_refused_by_name(whole: Path) -> None:
    reading = read_structure_file(whole / "5ugo.pdb.gz")[0]
    assert (reading.record.id, reading.account.chains) == ("5ugo", ("A",))
    assert reading.account.left_out == ("T (DNA)", "P (DNA)", "D (DNA)")
    with pytest.raises(FileFormatError, match="chain P is DNA, not protein"):
        read_structure_file(whole / "5ugo.bcif.gz", chains=["P"])
