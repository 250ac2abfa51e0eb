"""`multiprot embed` on a structure with two chains, missing atoms and chains of lone atoms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multiprot.cli.main import main
from multiprot.embedding import EmbeddingStore

NAMES = ("ALA", "CYS", "ASP", "GLU", "PHE", "GLY", "HIS", "ILE", "LYS", "LEU")
BACKBONE = {"N": (0.0, 0.0, 0.0), "CA": (1.46, 0.0, 0.0), "C": (2.0, 1.42, 0.0)}


def atoms(chain: str, count: int, kept: tuple[str, ...], first: int) -> list[str]:
    """PDB lines of a stretched chain that has these atoms of each residue."""
    lines = []
    for number in range(1, count + 1):
        for name, place in BACKBONE.items():
            if name not in kept:
                continue
            x, y, z = np.add(place, (3.3 * number, 0.8 * (number % 2), 20.0 * first))
            lines.append(
                f"ATOM  {len(lines) + first * 100:5d}  {name:<3} {NAMES[number % 10]} {chain}"
                f"{number:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00 50.00           {name[0]}"
            )
    return [*lines, "TER"]


@pytest.fixture
def structure(tmp_path: Path) -> Path:
    whole = atoms("A", 12, ("N", "CA", "C"), 1)
    # The fifth residue lacks its alpha carbon, all of the second chain do.
    gap = [line for line in whole if not (line[12:16].strip() == "CA" and line[22:26] == "   5")]
    lines = ["HEADER    TEST", *gap, *atoms("B", 9, ("N", "C"), 2), "END"]
    path = tmp_path / "1abc.pdb"
    path.write_text("\n".join(lines) + "\n")
    return path


def embed(path: Path, out: Path, model: Path, *more: str) -> dict[str, dict[str, object]]:
    assert main(["embed", str(path), "--model", str(model), "--out", str(out), *more]) == 0
    tables = EmbeddingStore.open(out).ledger()
    return {row["id"]: row for table in tables for row in table.to_pylist()}


def test_each_chain_is_a_protein(structure: Path, tmp_path: Path, tiny_bundle: Path) -> None:
    rows = embed(structure, tmp_path / "out", tiny_bundle, "--residues")
    assert {name: row["status"] for name, row in rows.items()} == {
        "1abc_A": "written",
        "1abc_B": "written",
    }
    store = EmbeddingStore.open(tmp_path / "out")
    assert store["1abc_A"].modalities == ("sequence", "structure")
    # Without them, the structure encoder sees nothing.
    assert store["1abc_B"].modalities == ("sequence",)
    assert store.residues("1abc_A").shape == (12, 24)
    assert np.isfinite(store.residues("1abc_A")).all()


def test_from_structure_alone_what_lacks_its_atom_has_no_token(
    structure: Path, tmp_path: Path, tiny_bundle: Path
) -> None:
    more = ("--use", "structure", "--residues")
    rows = embed(structure, tmp_path / "out", tiny_bundle, *more)
    assert rows["1abc_B"]["status"] == "refused"
    assert "not one of its 9 residues gave a token" in str(rows["1abc_B"]["reason"])
    store = EmbeddingStore.open(tmp_path / "out")
    missing = np.isnan(store.residues("1abc_A")).all(axis=1)
    assert np.flatnonzero(missing).tolist() == [4]
    assert np.isfinite(store.vector("1abc_A")).all()


def test_helper_processes_change_nothing(
    structure: Path, tmp_path: Path, tiny_bundle: Path
) -> None:
    for number in range(3):
        (tmp_path / f"copy{number}.pdb").write_bytes(structure.read_bytes())
    (tmp_path / "broken.cif").write_bytes(b"data_x\nloop_\n_atom_site.id\n")
    for name, readers in (("one", "0"), ("two", "1")):
        embed(
            tmp_path, tmp_path.parent / f"{tmp_path.name}-{name}", tiny_bundle, "--readers", readers
        )
    left, right = (
        {p.name: p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()}
        for store in (tmp_path.parent / f"{tmp_path.name}-{name}" for name in ("one", "two"))
    )
    assert left == right
