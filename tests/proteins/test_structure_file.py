"""The door: formats by content, ids, chains, and every bad file in one clear line."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from multiprot.errors import FileFormatError
from multiprot.proteins import StructureReading, is_structure_file, read_structure_file
from multiprot.proteins.structure_file import structure_stem
from tests.proteins.pdb_text import atom_line, chain_lines, residue_lines, seqres_lines

Read = Callable[..., list[StructureReading]]
PEPTIDE = ["ALA", "LYS", "GLY", "TRP"]
PDB = "\n".join([*chain_lines(PEPTIDE), "TER", "END", ""]).encode()
DNA = [atom_line("P", c, n, (n, 0, 0), chain="N") for n, c in enumerate(["DA", "DC", "DG"], 1)]
WATER = [atom_line("O", "HOH", n, (n, 9, 9), record="HETATM") for n in (101, 102)]
LIGAND = [atom_line("C1", "LIG", 201, (0, 9, 0), record="HETATM")]


def error(path: Path, **options: object) -> str:
    with pytest.raises(FileFormatError) as caught:
        read_structure_file(path, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


@pytest.mark.parametrize("name", ["1l2y.pdb.gz", "1l2y.cif.gz", "1l2y.bcif.gz"])
def test_format_and_compression_are_told_by_content(
    shared: Path, tmp_path: Path, name: str
) -> None:
    source = shared / "data/structures_whole" / name
    expected = read_structure_file(source)[0].record
    content = gzip.decompress(source.read_bytes())
    for compress in (bytes, gzip.compress, lzma.compress):
        path = tmp_path / "1l2y.pdb"
        path.write_bytes(compress(content))
        assert read_structure_file(path)[0].record == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda pdb: pdb.replace(b"\n", b"\r\n"),
        lambda pdb: pdb.replace(b"\n", b"\r"),
        lambda pdb: b"\xef\xbb\xbf" + pdb,
        lambda pdb: b"\n\n" + pdb,
        lambda pdb: b"CRYST1 whatever\n" + pdb,
        lambda pdb: b"BANNER OF SOME PROGRAM\n" + pdb,
        lambda pdb: pdb.replace(b"TER\n", b"").replace(b"END\n", b""),
    ],
)
def test_habits_that_change_nothing(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "x.pdb"
    path.write_bytes(PDB)
    expected = read_structure_file(path)
    path.write_bytes(change(PDB))
    assert read_structure_file(path) == expected


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("1abc.pdb", "1abc"),
        ("1ABC_A.bcif.gz", "1ABC_A"),
        ("AF-P12345-F1-model_v4.cif.xz", "AF-P12345-F1-model_v4"),
        ("x.y.mmcif", "x.y"),
        ("pdb1abc.ENT.GZ", "pdb1abc"),
    ],
)
def test_stems(name: str, stem: str) -> None:
    assert is_structure_file(name)
    assert structure_stem(Path("folder") / name) == stem


@pytest.mark.parametrize("name", ["a.fasta", "a.gz", "a.pdb.txt", ".pdb", "cif"])
def test_other_names_are_no_structures(name: str) -> None:
    assert not is_structure_file(name)


def test_ids_name_the_chain_where_there_is_a_choice(read_lines_as: Read) -> None:
    one, two = chain_lines(PEPTIDE), chain_lines(PEPTIDE, chain="b")
    assert [r.record.id for r in read_lines_as(one)] == ["x"]
    assert [r.record.id for r in read_lines_as([*one, *two])] == ["x_A", "x_b"]
    assert [r.record.id for r in read_lines_as([*one, *two], chains=["b"])] == ["x_b"]
    assert [r.record.id for r in read_lines_as([*one, *two], chains=["b", "A"])] == ["x_b", "x_A"]
    assert [r.record.id for r in read_lines_as(one, chains=["A"])] == ["x_A"]


def test_a_blank_chain_is_called_underscore(read_lines_as: Read) -> None:
    reading = read_lines_as(chain_lines(PEPTIDE, chain=" "))[0]
    assert (reading.record.id, reading.account.chains) == ("x", ("_",))


def test_nucleic_chains_are_refused_by_name(read_lines_as: Read) -> None:
    both = [*chain_lines(PEPTIDE), "TER", *DNA, "TER"]
    reading = read_lines_as(both)[0]
    assert reading.record.id == "x"
    assert reading.account.chains == ("A",)
    assert reading.account.left_out == ("N (DNA)",)
    with pytest.raises(FileFormatError, match="chain N is DNA, not protein"):
        read_lines_as(both, chains=["A", "N"])
    with pytest.raises(FileFormatError, match=r"no protein chain \(chain N is DNA\)"):
        read_lines_as(DNA)


def test_a_missing_chain_is_named_with_those_there_are(read_lines_as: Read) -> None:
    with pytest.raises(FileFormatError, match="no polymer chain 'Z'; it has A, B"):
        read_lines_as([*chain_lines(PEPTIDE), *chain_lines(PEPTIDE, chain="B")], chains=["Z"])
    for nothing in ([], "A"):
        with pytest.raises(FileFormatError, match="sequence of chain ids"):
            read_lines_as(chain_lines(PEPTIDE), chains=nothing)


@pytest.mark.parametrize("ter", [["TER"], []])
def test_ligands_and_waters_are_left_out(read_lines_as: Read, ter: list[str]) -> None:
    reading = read_lines_as([*chain_lines(PEPTIDE), *ter, *LIGAND, *WATER])[0]
    assert reading.record.sequence == "AKGW"
    assert reading.account.residues == reading.account.resolved == 4
    assert reading.account.left_out == ()


def test_a_chain_of_modified_residues_is_a_protein(read_lines_as: Read) -> None:
    lines = [
        line
        for n, component in enumerate(["MSE", "SEP", "MSE"])
        for line in residue_lines(component, n + 1, n, record="HETATM")
    ]
    reading = read_lines_as(lines)[0]
    assert reading.record.sequence == "MSM"
    told = [(m.position, m.component, m.parent) for m in reading.account.modified]
    assert told == [(1, "MSE", "M"), (2, "SEP", "S"), (3, "MSE", "M")]


def test_the_first_model_is_read_and_models_are_counted(read_lines_as: Read) -> None:
    lines = [
        line
        for model in (1, 2, 3)
        for line in (
            f"MODEL     {model:>4}",
            *residue_lines("ALA", 1, model),
            *residue_lines("GLY", 2, model + 1),
            "ENDMDL",
        )
    ]
    reading = read_lines_as(lines)[0]
    assert reading.account.models == 3
    assert reading.record.structure.coordinates[0, 0, 0].item() == pytest.approx(3.8)


def test_bad_files(tmp_path: Path, shared: Path) -> None:
    def written(content: bytes, name: str = "x.pdb") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    assert "no such file" in error(tmp_path / "missing.pdb")
    assert "is a folder" in error(tmp_path)
    assert "empty" in error(written(b""))
    assert "empty" in error(written(b" \n\n"))
    assert "cut short" in error(written(gzip.compress(PDB)[:-5], "x.pdb.gz"))
    assert "binary data" in error(written(bytes(range(256)) * 10))
    assert "UTF-16" in error(written(PDB.decode().encode("utf-16")))
    assert "b'>protein" in error(written(b">protein\nMKV\n", "x.cif"))
    assert "no atoms" in error(written(b"HEADER    NOTHING\nEND\n"))
    assert "no atoms" in error(written(b"# nothing\ndata_x\n_entry.id x\n"))
    mmcif = gzip.decompress((shared / "data/structures_whole/bp_1A8O.cif.gz").read_bytes())
    assert "block header" in error(written(mmcif.replace(b"data_", b"datax", 1), "x.cif"))
    assert "no atom" in error(written(b"HEADER    X\nEND\n" + PDB))
    assert "neither PDB" in error(written(b"# only\n# comments\n"))
    assert "not UTF-8" in error(written(PDB.replace(b"TRP A", b"\xe9RP A")))
    assert "no protein chain" in error(written("\n".join(WATER).encode()))
    damaged = gzip.decompress((shared / "data/structures_whole/1l2y.bcif.gz").read_bytes())
    assert "BinaryCIF" in error(written(damaged[: len(damaged) // 2], "x.bcif"))
    assert "cannot parse" in error(written(b"data_x\nloop_\n_atom_site.id\n_atom_site.b\n1\n"))
    assert "Cartn_x" in error(written(b"data_x\nloop_\n_atom_site.id\n_atom_site.b\n1 2\n"))


@pytest.mark.parametrize("mark", ["'", '"', ";", "?", ".", "_", "#"])
def test_any_mark_may_stand_in_a_column(read_lines_as: Read, mark: str) -> None:
    lines = [line[:26] + mark + line[27:] for line in chain_lines(PEPTIDE)]
    assert read_lines_as(lines)[0].record.sequence == "AKGW"
    lines = [line[:16] + mark + line[17:] for line in chain_lines(PEPTIDE)]
    assert read_lines_as(lines)[0].record.sequence == "AKGW"
    lines = [line[:21] + mark + line[22:] for line in chain_lines(PEPTIDE)]
    assert read_lines_as(lines)[0].record.sequence == "AKGW"


def test_a_name_that_makes_no_id_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "my protein.pdb"
    path.write_bytes(PDB)
    assert "white space" in error(path)


def test_seqres_of_another_protein_is_refused(read_lines_as: Read) -> None:
    lines = [*seqres_lines(["ALA", "LYS", "GLY", "PHE"]), *chain_lines(PEPTIDE)]
    with pytest.raises(FileFormatError, match=r"x.pdb: chain A residue 4 \(TRP\)"):
        read_lines_as(lines)
