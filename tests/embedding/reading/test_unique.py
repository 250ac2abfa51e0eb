"""What a user points at becomes records, in order, each id once."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from multiprot.data.synthetic import make_synthetic_corpus
from multiprot.embedding import Failure, read_inputs
from multiprot.errors import EmbeddingError, FileFormatError, MultiprotError
from multiprot.proteins import ProteinRecord, write_structure


def ids(*inputs: Path | str) -> list[str]:
    return [record.id for record in read_inputs([str(entry) for entry in inputs])]


def fasta(path: Path, *names: str) -> Path:
    text = "".join(f">{name} some words\nACDEFG\n" for name in names)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.fixture
def structure(tiny_records: tuple[ProteinRecord, ...], tmp_path: Path) -> Path:
    record = next(record for record in tiny_records if record.structure is not None)
    write_structure(record, tmp_path / "folded.cif")
    return tmp_path / "folded.cif"


def test_inputs_come_in_the_order_given(tmp_path: Path, structure: Path) -> None:
    a, b = fasta(tmp_path / "a.fasta", "x", "y"), fasta(tmp_path / "b.fa.gz", "z")
    assert ids(b, structure, a) == ["z", "folded", "x", "y"]


def test_structure_files_bring_their_structure(structure: Path) -> None:
    (record,) = read_inputs([str(structure)])
    assert record.structure is not None
    assert record.structure.has_frame.any()


def test_a_folder_is_searched_by_name_and_depth(tmp_path: Path, structure: Path) -> None:
    folder = tmp_path / "in"
    fasta(folder / "b.fasta", "b")
    fasta(folder / "deep" / "er" / "c.faa.gz", "c")
    fasta(folder / ".hidden.fasta", "hidden")
    (folder / "readme.md").write_text("not a protein")
    (folder / "a.cif").write_bytes(structure.read_bytes())
    assert ids(folder) == ["a", "b", "c"]


def test_a_corpus_is_known_by_its_manifest(tmp_path: Path) -> None:
    corpus = make_synthetic_corpus(tmp_path / "corpus", families=1, proteins_per_family=4)
    assert tuple(ids(tmp_path / "corpus")) == corpus.ids


def test_a_foreign_manifest_does_not_make_a_corpus(tmp_path: Path) -> None:
    fasta(tmp_path / "in" / "a.fasta", "a")
    for content in ("{}", "[]", "no json"):
        (tmp_path / "in" / "manifest.json").write_text(content)
        assert ids(tmp_path / "in") == ["a"]


def standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, compress: type[bytes]) -> None:
    standard_input(monkeypatch, compress(b">a\nACD\n>b\nEFG\n"))
    assert ids("-") == ["a", "b"]


@pytest.mark.parametrize(
    "content", [b"", b"ACD\n", b">a\nAC1\n", b">a\nA\n>a\nC\n", b"\x00\xff\x80"]
)
def test_bad_standard_input_is_called_by_its_name(
    monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    standard_input(monkeypatch, content)
    with pytest.raises(FileFormatError, match=r"^standard input: "):
        ids("-")
    standard_input(monkeypatch, content)
    failures: list[Failure] = []
    list(read_inputs(["-"], failures.append))
    assert len(failures) == 1
    assert failures[0].id == "standard input"
    assert failures[0].reason.startswith("standard input: ")


def test_an_id_in_two_files_names_both(tmp_path: Path) -> None:
    a, b = fasta(tmp_path / "a.fasta", "x", "y"), fasta(tmp_path / "b.fasta", "z", "y")
    with pytest.raises(EmbeddingError, match=r"'y' is in \S+a\.fasta and again in \S+b\.fasta"):
        ids(a, b)
    failures: list[Failure] = []
    found = [record.id for record in read_inputs([str(a), str(b)], failures.append)]
    assert found == ["x", "y", "z"]
    assert [failure.id for failure in failures] == ["y"]


def test_the_same_file_twice_is_a_repeated_id(tmp_path: Path) -> None:
    a = fasta(tmp_path / "a.fasta", "x")
    with pytest.raises(EmbeddingError, match="'x' is in"):
        ids(a, a)


def test_one_bad_record_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.fasta"
    path.write_text(">a\nACD\n>b\nAC1\n>c\nEFG\n>a\nACD\n>empty\n>d\nGGG\n")
    failures: list[Failure] = []
    found = [record.id for record in read_inputs([str(path)], failures.append)]
    assert found == ["a", "c", "d"]
    assert [failure.id for failure in failures] == ["a.fasta"] * 3
    for failure, told in zip(failures, ("line 4", "line 7", "'empty'"), strict=True):
        assert told in failure.reason
    with pytest.raises(FileFormatError, match="line 4"):
        ids(path)


def bad_files() -> list[tuple[str, bytes]]:
    whole = gzip.compress(b">a\n" + b"ACD\n" * 3000)
    return [
        ("empty.fasta", b""),
        ("binary.fasta", bytes(range(256))),
        ("cut.fasta.gz", whole[: len(whole) // 2]),
        ("latin.fasta", ">ä\nACD\n".encode("latin-1")),
        ("text.fasta", b"hello\n"),
        ("empty.cif", b""),
        ("binary.pdb", bytes(range(256))),
        ("text.cif.gz", gzip.compress(b"hello\n")),
    ]


@pytest.mark.parametrize(("name", "content"), bad_files())
def test_a_bad_file_is_named_and_can_be_left_out(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    good = fasta(tmp_path / "z" / "good.fasta", "good")
    with pytest.raises(FileFormatError, match=name.replace(".", r"\.")):
        ids(tmp_path / name, good)
    failures: list[Failure] = []
    inputs = [str(tmp_path / name), str(good)]
    assert [record.id for record in read_inputs(inputs, failures.append)][-1] == "good"
    assert [failure.id for failure in failures] == [name]


def test_missing_inputs(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no such file"):
        ids(tmp_path / "nowhere.fasta")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmbeddingError, match="holds no FASTA or structure file"):
        ids(tmp_path / "empty")
    with pytest.raises(MultiprotError, match="no input"):
        ids()
