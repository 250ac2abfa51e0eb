from __future__ import annotations

import gzip
import lzma
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import FileFormatError, OntologyError
from multiprot.ontology import GeneOntology, Namespace, Term
from multiprot.ontology.obo import UNKNOWN_RELEASE, read_obo, write_obo

TERM = "[Term]\nid: GO:0000001\nname: root\nnamespace: molecular_function\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.obo"


def by_id(terms: list[Term]) -> dict[str, Term]:
    return {term.id: term for term in terms}


def test_release_terms_and_all_fields(miniature_path: Path) -> None:
    release, terms = read_obo(miniature_path)
    found = by_id(terms)
    assert release == "releases/2024-01-01"
    assert len(terms) == 12
    assert found["GO:0000001"].definition == 'The root: "function" ! all of it.'
    assert found["GO:0000011"].alt_ids == ("GO:0000091", "GO:0000092")
    assert found["GO:0000011"].is_a == ("GO:0000001",)
    assert found["GO:0000011"].part_of == ("GO:0000020",)
    assert found["GO:0000012"].part_of == ()
    assert found["GO:0000082"].obsolete
    assert found["GO:0000082"].consider == ("GO:0000020", "GO:0000021")
    assert found["GO:0000080"].replaced_by == ("GO:0000081",)


def test_regulates_only_on_request(miniature_path: Path) -> None:
    _, without = read_obo(miniature_path)
    _, with_them = read_obo(miniature_path, regulates=True)
    assert by_id(without)["GO:0000021"].negatively_regulates == ()
    assert by_id(with_them)["GO:0000021"].negatively_regulates == ("GO:0000020",)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, lambda content: content])
def test_compression_is_told_by_content(path: Path, miniature_text: str, pack: Any) -> None:
    path.write_bytes(pack(miniature_text.encode()))
    assert len(read_obo(path)[1]) == 12


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n\n[Term]", "\n[Term]"),
        lambda text: text.replace("\nnamespace:", "\n\n! a comment\nnamespace:"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "  \n"),
        lambda text: text.rstrip("\n"),
    ],
    ids=["windows", "no blank lines", "blank lines inside", "byte order mark", "tails", "no end"],
)
def test_layout_does_not_matter(
    path: Path, miniature_text: str, miniature: GeneOntology, spoil: Any
) -> None:
    path.write_text(spoil(miniature_text), newline="")
    assert GeneOntology.from_obo(path).content_hash == miniature.content_hash


def test_a_file_without_headers_is_read_in_silence(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(TERM)
    assert read_obo(path)[0] == UNKNOWN_RELEASE
    assert not caplog.records


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no .Term."),
        (b"\n\n", "no .Term."),
        (b"format-version: 1.2\n", "no .Term."),
        (b"protein_id\tgo_id\nP1\tGO:1\n", "line 1 is not OBO"),
        (b">P12345 kinase\nMKV\n", "line 1 is not OBO"),
        (b"\x00\x01\x02\xff\xfe", "line 1"),
        (b"format-version: 1.2\nname: \xff\n", "line 2 is not UTF-8"),
        (gzip.compress(TERM.encode())[:-20], "cut short"),
    ],
    ids=["empty", "blank", "header only", "tsv", "fasta", "binary", "latin-1", "truncated gz"],
)
def test_what_is_no_obo_file_is_refused_by_name(path: Path, content: bytes, told: str) -> None:
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=told) as caught:
        read_obo(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [lambda folder: folder / "absent.obo", lambda folder: folder])
def test_a_missing_file_and_a_folder(tmp_path: Path, make: Any) -> None:
    with pytest.raises(FileFormatError, match=str(tmp_path)):
        read_obo(make(tmp_path))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (TERM + "\n" + TERM, "GO:0000001 is declared twice, on lines 2 and 7"),
        (TERM + "\n[Term]\nname: x\n", r"\[Term\] on line 6 has no id"),
        (TERM + "\n[Term]\n\n[Typedef]\nid: part_of\n", r"\[Term\] on line 6 has no id"),
        (TERM.replace("name: root\n", ""), "line 2: term GO:0000001 has no name"),
        (TERM.replace("namespace: molecular_function\n", ""), "GO:0000001 has no namespace"),
        (TERM.replace("molecular_", "m"), "GO:0000001: namespace 'mfunction' is not one of"),
        (TERM.replace("GO:0000001", "0000001"), "'0000001' is malformed"),
        (TERM + "relationship: part_of\n", "line 5: relationship 'part_of' of GO:0000001"),
        (TERM + "relationship: part_of GO:1 GO:2\n", "line 5: relationship"),
        (TERM + "def: bare words\n", "line 5: the definition of GO:0000001"),
    ],
)
def test_a_contradiction_names_file_line_and_term(path: Path, content: str, told: str) -> None:
    path.write_text(content)
    with pytest.raises(OntologyError, match=told) as caught:
        read_obo(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_equal_terms_give_equal_bytes(miniature_path: Path, tmp_path: Path) -> None:
    release, terms = read_obo(miniature_path, regulates=True)
    first, second = tmp_path / "1.obo.gz", tmp_path / "2.obo.gz"
    write_obo(first, release, terms)
    write_obo(second, release, terms[::-1])
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().startswith(b"\x1f\x8b")


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), max_size=30)


@given(name=texts, definition=texts)
def test_any_text_survives_writing_and_reading(
    tmp_path_factory: pytest.TempPathFactory, name: str, definition: str
) -> None:
    term = Term(
        id="GO:0000001",
        name=f"n{name}n",
        namespace=Namespace.FUNCTION,
        definition=definition,
    )
    path = tmp_path_factory.getbasetemp() / "text.obo"
    write_obo(path, "r", [term])
    assert read_obo(path) == ("r", [term])


def test_escapes_that_look_like_comments_and_modifiers(path: Path) -> None:
    term = Term(
        id="GO:0000001",
        name='a ! b {c="d"} \\n',
        namespace=Namespace.FUNCTION,
        definition='two\nlines\t"x\\" ! y {z}',
    )
    write_obo(path, "r", [term])
    assert read_obo(path)[1] == [term]
    assert read_obo(path)[1] != [replace(term, name="a")]
