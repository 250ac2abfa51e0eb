from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from goatools.anno.gaf_reader import GafReader
from goatools.anno.gpad_reader import GpadReader

from multiprot.errors import FileFormatError
from multiprot.ontology import AnnotationRow, read_annotation_rows

GAF_HEADER = "!gaf-version: 2.2\n!generated-by: x\n!date-generated: 2024-01-01\n"
GAF_ROW = (
    "UniProtKB\t{protein}\tSYM\t{qualifier}\t{term}\tPMID:1\t{code}\t\t{aspect}\tname\tsyn\t"
    "protein\ttaxon:9606\t20240101\tUniProt\t\t{form}\n"
)
GPAD_HEADER = "!gpa-version: 1.1\n"
GPAD_ROW = "UniProtKB\t{protein}\t{qualifier}\t{term}\tPMID:1\t{eco}\t\t\t20240101\tUniProt\t\t\n"


def gaf(
    protein: str = "P1",
    term: str = "GO:0000011",
    qualifier: str = "enables",
    code: str = "IDA",
    aspect: str = "F",
    form: str = "",
) -> str:
    values = {"protein": protein, "term": term, "qualifier": qualifier}
    return GAF_ROW.format(**values, code=code, aspect=aspect, form=form)


def gpad(protein: str, term: str, qualifier: str, eco: str) -> str:
    return GPAD_ROW.format(protein=protein, term=term, qualifier=qualifier, eco=eco)


GAF_BODY = (
    gaf()
    + gaf("P1", "GO:0000020", "NOT|involved_in", "IMP", "P")
    + gaf("P2", "GO:0000010", "not|contributes_to", "IEA")
    + gaf("P3", "GO:0000003", "located_in", "ND", "C")
    + gaf("P3", "GO:0000010", "enables", "IBA", form="UniProtKB:P3-2")
)
GPAD_BODY = (
    gpad("P1", "GO:0000011", "enables", "ECO:0000314")
    + gpad("P1", "GO:0000020", "NOT|involved_in", "ECO:0000315")
    + gpad("P2", "GO:0000010", "contributes_to", "ECO:0000501")
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "annotations"


def read(path: Path, content: str) -> list[AnnotationRow]:
    path.write_text(content)
    return list(read_annotation_rows(path))


def plain(rows: list[AnnotationRow]) -> list[tuple[str, str, str, bool]]:
    return [(row.protein_id, row.go_id, row.evidence, row.denied) for row in rows]


def test_gaf_rows_are_those_of_goatools(path: Path) -> None:
    ours = read(path, GAF_HEADER + GAF_BODY)
    theirs = GafReader(str(path), prt=None).get_associations()
    assert len(ours) == len(theirs) == 5
    assert plain(ours) == [
        (row.DB_ID, row.GO_ID, row.Evidence_Code, "NOT" in row.Qualifier) for row in theirs
    ]
    spelled = {"F": "MF", "P": "BP", "C": "CC"}
    assert [spelled[row.aspect] for row in ours] == [row.NS for row in theirs]
    assert [row.isoform for row in ours] == [bool(row.Gene_Product_Form_ID) for row in theirs]
    assert [row.line for row in ours] == [4, 5, 6, 7, 8]


def test_gpad_rows_are_those_of_goatools(path: Path) -> None:
    ours = read(path, GPAD_HEADER + GPAD_BODY)
    theirs = GpadReader(str(path)).get_associations()
    assert len(ours) == 3
    # goatools 1.6 takes the first row for the end of the header and loses it.
    assert plain(ours)[-len(theirs) :] == [
        (row.DB_ID, row.GO_ID, row.Evidence_Code, "NOT" in row.Qualifier) for row in theirs
    ]


def test_gzip_comments_between_rows_and_absent_last_columns(path: Path) -> None:
    body = gaf() + "! a remark\n\n" + gaf("P2").rstrip("\t\n") + "\n"
    path.write_bytes(gzip.compress((GAF_HEADER + body).encode()))
    assert [row.protein_id for row in read_annotation_rows(path)] == ["P1", "P2"]


def test_gpad_properties_are_no_reason_to_stop(path: Path) -> None:
    row = GPAD_BODY.splitlines()[0].rstrip("\t") + "\t\tnoctua-model-id=gomodel:1|contributor=x\n"
    assert plain(read(path, GPAD_HEADER + row)) == [("P1", "GO:0000011", "IDA", False)]


def test_gpad_2_has_its_own_columns(path: Path) -> None:
    row = "{id}\t{negation}\tRO:0002327\tGO:0000011\tPMID:1\tECO:0000314\t\t\t2024-01-01\tMGI\t\t\n"
    content = "!gpad-version: 2.0\n" + row.format(id="UniProtKB:P1", negation="")
    content += row.format(id="MGI:MGI:7", negation="NOT")
    assert plain(read(path, content)) == [
        ("P1", "GO:0000011", "IDA", False),
        ("MGI:7", "GO:0000011", "IDA", True),
    ]


def test_tsv_columns_in_any_order_others_ignored(path: Path) -> None:
    content = "note\tqualifier\tgo_id\tprotein_id\tevidence\nx\tNOT|enables\tGO:1\tP1\tida\n"
    assert read(path, content) == [AnnotationRow(2, "P1", "GO:1", "", "IDA", True, False)]


def test_tsv_with_the_two_needed_columns(path: Path) -> None:
    content = "protein_id\tgo_id\r\nP1\tGO:1\r\n\r\nP2\tGO:2"
    assert plain(read(path, content)) == [("P1", "GO:1", "", False), ("P2", "GO:2", "", False)]


def test_not_is_a_whole_qualifier(path: Path) -> None:
    content = "protein_id\tgo_id\tqualifier\nP1\tGO:1\tnotable\nP1\tGO:1\tenables|Not\n"
    assert [row.denied for row in read(path, content)] == [False, True]


def test_a_format_can_be_named_where_the_version_line_is_missing(path: Path) -> None:
    path.write_text(GAF_BODY)
    with pytest.raises(FileFormatError, match="line 1 is neither the header"):
        list(read_annotation_rows(path))
    assert len(list(read_annotation_rows(path, "gaf"))) == 5


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "holds no annotation"),
        ("\n\n", "holds no annotation"),
        ("!gaf-version: 2.2\n", "holds no annotation"),
        ("!gaf-version: 1.0\n" + gaf(), "GAF version 1.0; versions 2.0 to 2.2"),
        ("!gpa-version: 3.0\n" + GPAD_BODY, "GPAD version 3.0"),
        ("protein_id\tterm\nP1\tGO:1\n", "missing: go_id"),
        ("garbage\n", "line 1 is neither"),
        ("protein_id\tgo_id\nP1\n", "line 2 has 1 tab-separated columns, expected 2"),
        ("protein_id\tgo_id\n\tGO:1\n", "line 2 has no protein_id or no go_id"),
        (GAF_HEADER + gaf() + "P1\tGO:1\n", "line 5 has 2 tab-separated columns"),
        (GAF_HEADER + gaf(term=""), r"line 4: column 5 \(GO ID\) is empty"),
        (GPAD_HEADER + "UniProtKB\tP1\n", "line 2 has 2 tab-separated columns"),
        (GPAD_HEADER + gpad("P1", "GO:1", "", "IDA"), "line 2: evidence 'IDA' of P1 is no ECO"),
        (GPAD_HEADER + gpad("", "GO:1", "", "ECO:0000314"), "line 2 has no DB Object ID"),
    ],
)
def test_what_cannot_be_read_is_refused_by_file_and_line(
    path: Path, content: str, told: str
) -> None:
    with pytest.raises(FileFormatError, match=told) as caught:
        read(path, content)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (gzip.compress((GAF_HEADER + GAF_BODY).encode())[:-10], "cut short"),
        (b"protein_id\tgo_id\n\xff\xfe", "line 2 is not UTF-8"),
        (b"\x00\x00\x01", "binary"),
        (None, "no such file"),
    ],
)
def test_damaged_and_missing_files(path: Path, content: bytes | None, told: str) -> None:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileFormatError, match=told) as caught:
        list(read_annotation_rows(path))
    assert str(path) in str(caught.value)
