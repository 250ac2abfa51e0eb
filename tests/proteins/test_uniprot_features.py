"""UniProt feature tables: three forms of one entry give equal spans, and anything else an error."""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import FileFormatError
from multiprot.proteins import FeatureSpan, FeatureTable, read_feature_table, read_features
from multiprot.proteins.uniprot_features import feature_kind, feature_name
from tests.proteins.uniprot_forms import (
    FORMS,
    KEYS,
    LENGTH,
    Entry,
    Feature,
    gff_form,
    json_entry,
    json_form,
    text_form,
)

LONG = "Involved in the stabilization of an intermediate by what forms the oxyanion hole"
INVENTED: tuple[Entry, ...] = (
    (
        "P12345",
        [
            Feature("SIGNAL", 1, 18),
            Feature("CHAIN", 19, 400, "Invented histone H2 1"),
            Feature("DOMAIN", 30, 90, "Ig-like 1"),
            Feature("DOMAIN", 100, 160, "Ig-like 2"),
            Feature("DOMAIN", 170, 200, "EGF-like 3; calcium-binding"),
            Feature("ZN_FING", 210, 230, "RING-type"),
            Feature("MOTIF", 240, 244, '"HIGH" region'),
            Feature("MOTIF", 250, 259, f'{LONG}, "KMSKS" and the "HIGH"'),
            Feature("REGION", 260, 300, "disordered"),
            Feature("COMPBIAS", 305, 320, "Basic and acidic residues"),
            Feature("BINDING", 330, 330),
            Feature("REPEAT", 340, 349, "1"),
            Feature("REPEAT", 350, 359, "2; approximate"),
            Feature("VARIANT", 360, 360, "A -> T (in dbSNP:rs1)"),
        ],
    ),
    ("A0A000", []),
    ("Q98765", [Feature("DOMAIN", 1, 400, "A=B, 100% & more; C")]),
)
EXPECTED = {
    "P12345": (
        FeatureSpan(0, 18, "signal_peptide", "signal_peptide"),
        FeatureSpan(18, 400, "chain", "Invented histone H2 1"),
        FeatureSpan(29, 90, "domain", "Ig-like"),
        FeatureSpan(99, 160, "domain", "Ig-like"),
        FeatureSpan(169, 200, "domain", "EGF-like; calcium-binding"),
        FeatureSpan(209, 230, "zinc_finger", "RING-type"),
        FeatureSpan(239, 244, "motif", '"HIGH" region'),
        FeatureSpan(249, 259, "motif", f'{LONG}, "KMSKS" and the "HIGH"'),
        FeatureSpan(259, 300, "region", "Disordered"),
        FeatureSpan(304, 320, "compositional_bias", "Basic and acidic residues"),
        FeatureSpan(329, 330, "binding_site", "binding_site"),
        FeatureSpan(339, 349, "repeat", "repeat"),
        FeatureSpan(349, 359, "repeat", "repeat; approximate"),
        FeatureSpan(359, 360, "natural_variant", "natural_variant"),
    ),
    "Q98765": (FeatureSpan(0, 400, "domain", "A=B, 100% & more; C"),),
}

ReadAs = Callable[..., FeatureTable]


@pytest.fixture
def read_as(tmp_path: Path) -> ReadAs:
    """Write content to a file of that suffix and read it."""

    def read(content: str | bytes, suffix: str) -> FeatureTable:
        path = tmp_path / f"entries.{suffix}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_features(path)

    return read


def refusal(read_as: ReadAs, content: str | bytes, suffix: str) -> str:
    with pytest.raises(FileFormatError) as caught:
        read_as(content, suffix)
    message = str(caught.value)
    assert f"entries.{suffix}" in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("suffix", ["txt", "dat", "gff", "gff3", "json", "TXT", "Gff"])
@pytest.mark.parametrize("packed", [False, True])
def test_three_forms_give_equal_spans(read_as: ReadAs, suffix: str, packed: bool) -> None:
    form = {"dat": "txt", "gff3": "gff"}.get(suffix.lower(), suffix.lower())
    content = FORMS[form](*INVENTED).encode()
    if packed:
        content, suffix = gzip.compress(content), f"{suffix}.gz"
    table = read_as(content, suffix)
    assert table == EXPECTED
    assert table.without_range == 0


words = st.text(
    "".join(chr(code) for code in range(33, 127) if chr(code) != "/"), min_size=1, max_size=12
).filter(lambda word: not word.endswith("-"))
notes = st.lists(words, max_size=14).map(" ".join)
ends = st.tuples(st.integers(1, LENGTH), st.integers(1, LENGTH)).map(sorted)
features = st.builds(
    lambda key, ends, note: Feature(key, ends[0], ends[1], note),
    st.sampled_from(sorted(KEYS)),
    ends,
    notes,
)
entries = st.dictionaries(
    st.from_regex(r"[OPQ][0-9][A-Z0-9]{3}[0-9]", fullmatch=True),
    st.lists(features, max_size=6),
    min_size=1,
    max_size=3,
).map(lambda found: tuple(found.items()))


@given(entries=entries, form=st.sampled_from(sorted(FORMS)))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, entries: tuple[Entry, ...], form: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"round-trip.{form}"
    path.write_text(FORMS[form](*entries))
    wanted = {}
    for accession, found in entries:
        spans = [
            FeatureSpan(start - 1, end, kind, feature_name(kind, note))
            for key, start, end, note in found
            for kind in [feature_kind(key)]
        ]
        if spans:
            wanted[accession] = tuple(sorted(spans))
    assert read_features(path) == wanted


@pytest.mark.parametrize("key", sorted(KEYS))
def test_kinds_are_equal_in_all_forms(key: str) -> None:
    kinds = {feature_kind(name) for name in (key, *KEYS[key])}
    assert len(kinds) == 1
    assert kinds.pop().replace("_", "").islower()


@pytest.mark.parametrize(
    ("kind", "description", "name"),
    [
        ("domain", "Cadherin 11", "Cadherin"),
        ("domain", "SH3", "SH3"),
        ("domain", "Rossmann fold 2", "Rossmann fold"),
        ("domain", "Ig-like C2-type 3", "Ig-like C2-type"),
        ("domain", "EGF-like 3; calcium-binding", "EGF-like; calcium-binding"),
        ("domain", "EGF-like; copy 3", "EGF-like; copy 3"),
        ("repeat", "12", "repeat"),
        ("repeat", "3; truncated", "repeat; truncated"),
        ("repeat", "1-1", "1-1"),
        ("chain", "Caspase 3", "Caspase 3"),
        ("region", "disordered", "Disordered"),
        ("region", "  two\n words ", "Two words"),
        ("region", "", "region"),
        ("mutagenesis", "A->T: No effect", "mutagenesis"),
        ("sequence_conflict", "in Ref. 1", "sequence_conflict"),
    ],
)
def test_names(kind: str, description: str, name: str) -> None:
    assert feature_name(kind, description) == name


@pytest.mark.parametrize(
    "place", ["<1..9", "1..>9", "?..9", "1..?", "?", "?3..9", "P12345-2:3..9", "P12345-2:3"]
)
def test_inexact_ends_in_text_are_counted(read_as: ReadAs, place: str) -> None:
    text = text_form(("P12345", [Feature("DOMAIN", 3, 9, "x"), Feature("MOTIF", 1, 2, "y")]))
    table = read_as(text.replace("3..9", place), "txt")
    assert table == {"P12345": (FeatureSpan(0, 2, "motif", "Y"),)}
    assert table.without_range == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\t3\t9\t", "\t<3\t9\t"),
        ("\t3\t9\t", "\t3\t>9\t"),
        ("\t3\t9\t", "\t?\t?\t"),
        ("\t3\t9\t", "\t.\t9\t"),
        ("P12345\tUniProtKB\tDomain", "P12345-2\tUniProtKB\tDomain"),
    ],
)
def test_inexact_ends_in_gff_are_counted(read_as: ReadAs, old: str, new: str) -> None:
    entry = [Feature("MOTIF", 1, 2, "y"), Feature("DOMAIN", 3, 9, "x"), Feature("MOTIF", 4, 5, "y")]
    table = read_as(gff_form(("P12345", entry)).replace(old, new), "gff")
    assert [span.kind for span in table["P12345"]] == ["motif", "motif"]
    assert table.without_range == 1


@pytest.mark.parametrize(
    "location",
    [
        {"start": {"value": 1, "modifier": "OUTSIDE"}, "end": {"value": 9, "modifier": "EXACT"}},
        {"start": {"value": None, "modifier": "UNKNOWN"}, "end": {"value": 9}},
        {"start": {"value": 1}, "end": {"modifier": "UNKNOWN"}},
        {"start": {"value": 1}, "end": {"value": 9, "modifier": "UNSURE"}},
        {"start": {"value": 1}, "end": {"value": 9}, "sequence": "P12345-2"},
    ],
)
def test_inexact_ends_in_json_are_counted(read_as: ReadAs, location: dict[str, Any]) -> None:
    entry = json_entry("P12345", [Feature("DOMAIN", 3, 9, "x"), Feature("MOTIF", 1, 2, "y")])
    entry["features"][0]["location"] = location
    table = read_as(json.dumps(entry), "json")
    assert table == {"P12345": (FeatureSpan(0, 2, "motif", "Y"),)}
    assert table.without_range == 1


def test_json_comes_as_entry_list_or_search_result(read_as: ReadAs) -> None:
    entry = json_entry(*INVENTED[0])
    for content in (entry, [entry], {"results": [entry]}):
        assert read_as(json.dumps(content), "json") == {"P12345": EXPECTED["P12345"]}
    bare = {"primaryAccession": "P1", "features": [{"type": "Motif", "location": {}}]}
    bare["features"][0]["location"] = {"start": {"value": 2}, "end": {"value": 3}}  # type: ignore[index]
    assert read_as(json.dumps(bare), "json")["P1"] == (FeatureSpan(1, 3, "motif", "motif"),)
    inactive = {"entryType": "Inactive", "primaryAccession": "P2"}
    assert read_as(json.dumps(inactive), "json") == {}


def test_text_of_before_2019(read_as: ReadAs) -> None:
    text = text_form(("P12345", []))
    old = (
        "FT   DOMAIN       20     98       PAN 2. {ECO:0000255|PROSITE-\n"
        "FT                                ProRule:PRU00315}.\n"
        "FT   DOMAIN      103    181       Kringle 1 (By similarity).\n"
        "FT   DOMAIN      103   >181       Kringle 1.\n"
        "FT   CARBOHYD    268    268       N-linked (GlcNAc...). {ECO:0000255}.\n"
    )
    table = read_as(text.replace("SQ   ", f"{old}SQ   "), "txt")
    assert table["P12345"] == (
        FeatureSpan(19, 98, "domain", "PAN"),
        FeatureSpan(102, 181, "domain", "Kringle"),
        FeatureSpan(267, 268, "glycosylation", "N-linked (GlcNAc...)"),
    )
    assert table.without_range == 1


def test_gff_of_other_habits(read_as: ReadAs) -> None:
    rows = "A\tx\tDomain\t1\t2\t.\t.\t.\tNote=a\nB\tx\tDomain\t3\t4\t.\t+\t.\t.\n"
    spans = {
        "A": (FeatureSpan(0, 2, "domain", "A"),),
        "B": (FeatureSpan(2, 4, "domain", "domain"),),
    }
    assert read_as(rows, "gff") == spans
    announced = "##gff-version 3\n##sequence-region A 1 9\n##sequence-region B 1 9\n\n#!note\n"
    fasta = "###\n##FASTA\n>A\nMKTAYIAKQ\n"
    assert read_as((announced + rows + fasta).replace("\n", "\r\n"), "gff") == spans


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_protein_twice_is_refused(read_as: ReadAs, form: str) -> None:
    message = refusal(read_as, FORMS[form](*INVENTED, INVENTED[0]), form)
    assert "protein P12345 occurs a second time" in message


def test_rows_of_a_protein_apart_are_refused(read_as: ReadAs) -> None:
    row = "{}\tx\tDomain\t1\t2\t.\t.\t.\tNote=a\n".format
    message = refusal(read_as, row("A") + row("B") + row("A"), "gff")
    assert "line 3: protein A occurs a second time" in message


@pytest.mark.parametrize("form", sorted(FORMS))
def test_an_end_before_its_start_is_refused(read_as: ReadAs, form: str) -> None:
    message = refusal(read_as, FORMS[form](("P12345", [Feature("DOMAIN", 9, 5, "x")])), form)
    assert {"txt": "line 8", "gff": "line 3", "json": "entry P12345"}[form] in message
    assert "5" in message
    assert "9" in message


@pytest.mark.parametrize("form", sorted(FORMS))
def test_residue_zero_is_refused(read_as: ReadAs, form: str) -> None:
    message = refusal(read_as, FORMS[form](("P12345", [Feature("DOMAIN", 0, 5, "x")])), form)
    assert "0 to 5 is no range; residues are numbered from 1" in message


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("content", [b"", b"\n\n", b"\x1f\x8b\x08\x00cut", bytes(range(256))])
def test_empty_and_damaged_files_are_refused(read_as: ReadAs, form: str, content: bytes) -> None:
    refusal(read_as, content, form)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_compressed_file_cut_short_is_refused(read_as: ReadAs, form: str) -> None:
    packed = gzip.compress(FORMS[form](*INVENTED).encode())
    assert "cut short" in refusal(read_as, packed[: len(packed) // 2], f"{form}.gz")


@pytest.mark.parametrize(
    ("suffix", "content", "message"),
    [
        (
            "txt",
            "protein_id\ttype\n",
            r"line 1, .*: cannot be read as UniProt's text form.*suffix \.tsv",
        ),
        ("txt", text_form(INVENTED[0])[:-4], "UniProt's text form.*end of stream"),
        ("txt", text_form(INVENTED[0]).replace("AC   P12345; Q00001;\n", ""), "'' is no id"),
        (
            "txt",
            text_form(INVENTED[0]).replace("30..90", "30..many"),
            r"line 13, 'FT   DOMAIN          30..many': ",
        ),
        ("gff", "P1\tx\tDomain\t1\t2\n", "line 1: not a row of GFF 3.*nine columns"),
        ("gff", "P1\tx\tDomain\tone\t2\t.\t.\t.\t.\n", "line 1: not a row of GFF 3.*'one'"),
        ("gff", 'P1\tx\tDomain\t1\t2\t.\t.\t.\tNote "a"\n', "line 1: not a row of GFF 3"),
        ("gff", "##sequence-region\n", "line 1: '' is no id"),
        ("gff", "##gff-version 3\n", "holds no protein"),
        ("json", "{", "is not JSON"),
        ("json", "[" * 100_000, "is not JSON"),
        ("json", '"P12345"', "neither an entry nor a list"),
        ("json", '{"results": 3}', "neither an entry nor a list"),
        ("json", "[]", "holds no protein"),
        ("json", "[3]", "entry 1 has no primaryAccession"),
        ("json", '{"accession": "P1"}', "entry 1 has no primaryAccession"),
        ("json", '{"primaryAccession": "P 1"}', "entry 1: 'P 1' is no id"),
        ("json", '{"primaryAccession": "P1", "features": {}}', "entry P1: features is no list"),
        ("json", '{"primaryAccession": "P1", "features": [3]}', "entry P1: feature 1 lacks"),
        (
            "json",
            json_form(INVENTED[0]).replace(": 30,", ': "30",'),
            "entry P12345: feature 3 lacks",
        ),
        (
            "json",
            json_form(INVENTED[0]).replace(": 30,", ": true,"),
            "entry P12345: feature 3 lacks",
        ),
        ("json", json_form(INVENTED[0]).replace('"Domain"', "4"), "entry P12345: feature 3 lacks"),
    ],
)
def test_other_shapes_are_refused(read_as: ReadAs, suffix: str, content: str, message: str) -> None:
    assert re.search(message, refusal(read_as, content, suffix))


@pytest.mark.parametrize("form", sorted(FORMS))
def test_damage_is_read_or_refused_but_never_a_traceback(read_as: ReadAs, form: str) -> None:
    content = FORMS[form](*INVENTED)
    rng = random.Random(0)
    for _ in range(400):
        start = rng.randrange(len(content))
        new = "".join(rng.choice('\t\n "/;:.=<>?0aZ{}') for _ in range(rng.randrange(4)))
        damaged = content[:start] + new + content[start + rng.randrange(40) :]
        try:
            read_as(damaged, form)
        except FileFormatError as error:
            assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("name", ["x.csv", "x", "x.gz", "x.xml.gz"])
def test_another_suffix_is_refused_with_those_that_are_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileFormatError, match=r"\.tsv, \.tab, \.txt, \.dat, \.gff, \.gff3, \.json"):
        read_features(tmp_path / name)


@pytest.mark.parametrize("suffix", ["tsv", "tab", "TSV"])
def test_tables_are_read_as_tables(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    path.write_text("protein_id\ttype\tstart\tend\tname\np\tdomain\t5\t9\tIg-like 2\n")
    assert read_features(path) == read_feature_table(path)
    assert read_features(path)["p"] == (FeatureSpan(4, 9, "domain", "Ig-like 2"),)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for suffix in (*FORMS, "tsv"):
        with pytest.raises(FileFormatError, match=f"absent.{suffix}: no such file"):
            read_features(tmp_path / f"absent.{suffix}")


def test_without_biopython_the_error_names_the_extra(
    read_as: ReadAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "Bio.SwissProt", None)
    message = refusal(read_as, text_form(*INVENTED), "txt")
    assert message.endswith("next: pip install 'multiprot[features]'")
    assert read_as(gff_form(*INVENTED), "gff") == EXPECTED
