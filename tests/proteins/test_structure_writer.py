"""Writing mmCIF and reading it back gives the same record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multiprot.errors import RecordError
from multiprot.proteins import (
    MAX_PEPTIDE_BOND,
    RESIDUE_LETTERS,
    BackboneStructure,
    Confidence,
    ProteinRecord,
    read_structure_file,
    write_structure,
)

FLOATS = st.floats(-999, 999, width=32)


@st.composite
def structures(draw: st.DrawFn, residues: int) -> BackboneStructure:
    """Any backbone whose chain breaks follow the readers' rule."""
    present = draw(hnp.arrays(np.bool_, (residues, 5)))
    present[draw(st.integers(0, residues - 1)), 1] = True
    coordinates = draw(hnp.arrays(np.float32, (residues, 5, 3), elements=FLOATS))
    coordinates[~present] = np.nan
    resolved = present.any(axis=1)
    distance = np.linalg.norm(coordinates[1:, 0] - coordinates[:-1, 2], axis=-1)
    chosen = draw(hnp.arrays(np.bool_, residues - 1))
    breaks = np.where(np.isnan(distance), chosen, distance > MAX_PEPTIDE_BOND)
    breaks &= resolved[1:] & resolved[:-1]
    kind = draw(st.sampled_from(Confidence))
    confidence = draw(hnp.arrays(np.float32, residues, elements=st.floats(2, 100, width=32)))
    confidence[~resolved | (kind is Confidence.NONE)] = np.nan
    return BackboneStructure(
        coordinates=coordinates,
        present=present,
        chain_breaks=np.append(breaks, False),
        confidence=confidence,
        confidence_kind=kind,
    )


@settings(deadline=None)
@given(st.data(), st.text(RESIDUE_LETTERS, min_size=1, max_size=12), st.booleans())
def test_any_record_survives(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, sequence: str, packed: bool
) -> None:
    structure = data.draw(structures(len(sequence)))
    record = ProteinRecord(id="a.b-C_1", sequence=sequence, structure=structure)
    suffix = ".cif.gz" if packed else ".cif"
    path = tmp_path_factory.mktemp("written") / f"{record.id}{suffix}"
    write_structure(record, path)
    reading = read_structure_file(path)[0]
    assert reading.record == record
    assert reading.account.resolved == structure.resolved.sum()
    assert reading.account.breaks == structure.chain_breaks.sum()


@pytest.mark.parametrize("name", ["1f2n.pdb.gz", "1o1z.bcif.gz", "bp_1A8O.cif.gz", "1l2y.cif.gz"])
def test_real_records_survive(shared: Path, tmp_path: Path, name: str) -> None:
    for reading in read_structure_file(shared / "data/structures_whole" / name):
        path = tmp_path / f"{reading.record.id}.cif"
        write_structure(reading.record, path)
        again = read_structure_file(path)[0]
        assert again.record == reading.record
        assert again.account.unresolved == reading.account.unresolved


def test_other_readers_understand_the_file(shared: Path, tmp_path: Path) -> None:
    gemmi = pytest.importorskip("gemmi")
    record = read_structure_file(shared / "data/structures_whole/1o1z.cif.gz")[0].record
    write_structure(record, tmp_path / "x.cif")
    structure = gemmi.read_structure(str(tmp_path / "x.cif"))
    assert len(structure.entities[0].full_sequence) == len(record)
    assert structure[0].count_atom_sites() == record.structure.present.sum()
    positions = [list(a.pos.tolist()) for c in structure[0] for r in c for a in r]
    np.testing.assert_allclose(positions, record.structure.coordinates[record.structure.present])


def test_the_same_record_gives_the_same_bytes(shared: Path, tmp_path: Path) -> None:
    record = read_structure_file(shared / "data/structures_whole/1aki.cif.gz")[0].record
    for name in ("one", "two"):
        write_structure(record, tmp_path / f"{name}.cif.gz")
    assert (tmp_path / "one.cif.gz").read_bytes() == (tmp_path / "two.cif.gz").read_bytes()


def test_nothing_to_write_is_refused(tmp_path: Path) -> None:
    blank = BackboneStructure(
        coordinates=np.full((3, 5, 3), np.nan),
        present=np.zeros((3, 5)),
        chain_breaks=np.zeros(3),
        confidence=np.full(3, np.nan),
    )
    for structure in (None, blank):
        record = ProteinRecord(id="a", sequence="MKV", structure=structure)
        with pytest.raises(RecordError, match="record a: no coordinates to write"):
            write_structure(record, tmp_path / "a.cif")
    assert list(tmp_path.iterdir()) == []
