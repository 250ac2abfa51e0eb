"""Real chains, where the data lies beside the project."""

from __future__ import annotations

import gzip
import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from biotite.structure import AtomArray, filter_amino_acids
from biotite.structure.alphabet import to_3di
from biotite.structure.io.pdbx import BinaryCIFFile, get_structure
from scipy.spatial.transform import Rotation

from multiprot.proteins import (
    FOLD_STATE_LETTERS,
    UNDEFINED_STATE,
    ProteinRecord,
    fold_state_letters,
    fold_state_numbers,
    read_structure_file,
)

SHARED = Path(os.environ.get("MULTIPROT_SHARED", Path(__file__).parents[3] / "shared")) / "data"


def folder(name: str) -> Path:
    if not (SHARED / name).is_dir():
        pytest.skip(f"real data absent: no {SHARED / name} (set MULTIPROT_SHARED)")
    return SHARED / name


@pytest.fixture(scope="module")
def records() -> list[ProteinRecord]:
    """Forty chains."""
    paths = sorted(folder("pretrain/structures").glob("*.gz"))
    return [read_structure_file(path)[0].record for path in paths[:: len(paths) // 40][:40]]


def biotites(path: Path) -> list[str]:
    """3Di sequences of a file's protein chains by biotite alone: its reader, its chains."""
    file = BinaryCIFFile.read(io.BytesIO(gzip.decompress(path.read_bytes())))
    atoms = get_structure(file, model=1, altloc="occupancy", use_author_fields=False)
    atoms = atoms[filter_amino_acids(atoms)]
    return [str(sequence).upper() for sequence in to_3di(atoms)[0]]


@pytest.mark.parametrize("name", ["1l2y", "1aki", "1dix", "2d0f", "3o5r", "1igy"])
def test_whole_files_have_the_states_of_biotite(name: str) -> None:
    path = folder("structures_whole") / f"{name}.bcif.gz"
    found = [fold_state_letters(reading.record) for reading in read_structure_file(path)]
    assert found == biotites(path)


def without_gaps(record: ProteinRecord) -> str:
    """What Foldseek makes of a chain: residues without CA left out, and nothing in their place."""
    structure = record.structure
    seen = structure.present & structure.present[:, 1:2]
    atoms = AtomArray(int(seen.sum()))
    atoms.coord = structure.coordinates[seen]
    residue, atom = np.nonzero(seen)
    atoms.res_id, atoms.atom_name = residue + 1, np.array(["N", "CA", "C", "O", "CB"])[atom]
    atoms.chain_id[:] = "A"
    return str(to_3di(atoms)[0][0]).upper()


def test_only_gaps_part_us_from_foldseek(records: list[ProteinRecord]) -> None:
    gaps = apart = whole = 0
    for record in records:
        structure = record.structure
        seen = np.flatnonzero(structure.present[:, 1])
        found, foldseeks = fold_state_letters(record).replace("-", ""), without_gaps(record)
        assert len(found) == len(foldseeks) == len(seen)
        here = int((np.diff(seen) > 1).sum() + structure.chain_breaks.sum())
        here += int((~structure.has_frame[seen]).sum())
        differ = sum(x != y for x, y in zip(found, foldseeks, strict=True))
        assert here or not differ, record.id
        gaps, apart, whole = gaps + here, apart + differ, whole + (here == 0)
    assert whole > 10
    assert gaps > 5
    assert apart < 6 * gaps


def test_trp_cage_has_its_published_states() -> None:
    """As printed in biotite's documentation of `to_3di`."""
    (reading,) = read_structure_file(folder("structures_whole") / "1l2y.cif.gz")
    assert fold_state_letters(reading.record) == "DQQVVCVVCPNVVNVDHGDD"


def test_all_states_occur_and_few_residues_lack_one(records: list[ProteinRecord]) -> None:
    numbers = np.concatenate([fold_state_numbers(r.structure) for r in records if r.structure])
    seen = numbers[numbers >= 0]
    assert len(seen) > 5000
    assert set(range(len(FOLD_STATE_LETTERS))) <= set(seen.tolist())
    assert np.mean(seen == UNDEFINED_STATE) < 0.05


def test_orientation_does_not_matter(records: list[ProteinRecord]) -> None:
    for seed, record in enumerate(records):
        turn = Rotation.random(rng=seed).as_matrix()
        place = (record.structure.coordinates @ turn + 20.0 * seed).astype(np.float32)
        moved = replace(record.structure, coordinates=place)
        assert np.array_equal(fold_state_numbers(moved), fold_state_numbers(record.structure)), (
            record.id
        )


def test_mirror_images_differ_little_by_seen_and_much_by_built_c_beta(
    records: list[ProteinRecord],
) -> None:
    """Only residues whose Cβ is built, glycines above all, tell the hand of a real protein."""
    shares = []
    for ideal in (False, True):
        changed = []
        for record in records:
            mirror = np.float32([1, 1, -1])
            image = replace(record.structure, coordinates=record.structure.coordinates * mirror)
            pair = [fold_state_numbers(s, ideal_c_beta=ideal) for s in (record.structure, image)]
            changed.append(pair[0] != pair[1])
        shares.append(float(np.concatenate(changed).mean()))
    assert shares[0] < 0.15 < 0.2 < shares[1]
