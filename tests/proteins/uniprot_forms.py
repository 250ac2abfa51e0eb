"""Writes invented UniProt entries in the three real forms: text, GFF and JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

# Key of the text form, type of the GFF form, type of the JSON form.
KEYS = {
    "DOMAIN": ("Domain", "Domain"),
    "MOTIF": ("Motif", "Motif"),
    "REGION": ("Region", "Region"),
    "REPEAT": ("Repeat", "Repeat"),
    "ZN_FING": ("Zinc finger", "Zinc finger"),
    "BINDING": ("Binding site", "Binding site"),
    "ACT_SITE": ("Active site", "Active site"),
    "SIGNAL": ("Signal peptide", "Signal"),
    "CHAIN": ("Chain", "Chain"),
    "COMPBIAS": ("Compositional bias", "Compositional bias"),
    "NON_STD": ("Non-standard residue", "Non-standard residue"),
    "CROSSLNK": ("Cross-link", "Cross-link"),
    "STRAND": ("Beta strand", "Beta strand"),
    "VARIANT": ("Natural variant", "Natural variant"),
}
LENGTH = 400


class Feature(NamedTuple):
    """One feature, with 1-based ends that are both included."""

    key: str
    start: int
    end: int
    note: str = ""


Entry = tuple[str, Sequence[Feature]]


def text_form(*entries: Entry) -> str:
    """The flat file: 80 columns, notes wrapped at spaces, quotation marks doubled."""
    return "".join(_text_entry(accession, features) for accession, features in entries)


def _text_entry(accession: str, features: Sequence[Feature]) -> str:
    lines = [
        f"ID   {accession}_TEST             Reviewed;         {LENGTH} AA.",
        f"AC   {accession}; Q00001;",
        "DT   15-JAN-2020, integrated into UniProtKB/Swiss-Prot.",
        "DE   RecName: Full=Invented protein;",
        "OS   Imaginarius exempli.",
        "OX   NCBI_TaxID=9606;",
        "PE   5: Uncertain;",
    ]
    for key, start, end, note in features:
        place = f"{start}..{end}" if start != end else f"{start}"
        lines.append(f"FT   {key:<16}{place}")
        if note:
            doubled = note.replace('"', '""')
            lines += _wrapped(f'/note="{doubled}"')
        lines += _wrapped('/evidence="ECO:0000255|PROSITE-ProRule:PRU00159"')
    lines += [
        f"SQ   SEQUENCE   {LENGTH} AA;  46099 MW;  801AF004D9E6A3DA CRC64;",
        *["     " + " ".join(["MKTAYIAKQR"] * 6)] * (LENGTH // 60),
        "//",
    ]
    return "\n".join([*lines, ""])


def _wrapped(qualifier: str) -> list[str]:
    parts = textwrap.wrap(qualifier, 59, break_long_words=False, break_on_hyphens=False)
    return [f"FT                   {part}" for part in parts]


def gff_form(*entries: Entry) -> str:
    """GFF as uniprot.org writes it: capital first letters, a tab at the end of every row."""
    lines = ["##gff-version 3"]
    for accession, features in entries:
        lines.append(f"##sequence-region {accession} 1 {LENGTH}")
        for key, start, end, note in features:
            attributes = ["Ontology_term=ECO:0000255", "evidence=ECO:0000255|PROSITE-ProRule:PRU1"]
            if note:
                capital = note[0].upper() + note[1:]
                attributes.insert(0, f"Note={_escaped(capital)}")
            columns = (accession, "UniProtKB", KEYS[key][0], start, end, ".", ".", ".")
            lines.append("\t".join((*map(str, columns), ";".join(attributes), "")))
    return "\n".join([*lines, ""])


def _escaped(note: str) -> str:
    for letter in "%;=&,":
        note = note.replace(letter, f"%{ord(letter):02X}")
    return note


def json_entry(accession: str, features: Sequence[Feature]) -> dict[str, Any]:
    """One entry as rest.uniprot.org gives it."""
    return {
        "entryType": "UniProtKB reviewed (Swiss-Prot)",
        "primaryAccession": accession,
        "secondaryAccessions": ["Q00001"],
        "features": [
            {
                "type": KEYS[key][1],
                "location": {
                    "start": {"value": start, "modifier": "EXACT"},
                    "end": {"value": end, "modifier": "EXACT"},
                },
                "description": note,
                "evidences": [{"evidenceCode": "ECO:0000255"}],
            }
            for key, start, end, note in features
        ],
    }


def json_form(*entries: Entry) -> str:
    """A search result."""
    return json.dumps({"results": [json_entry(*entry) for entry in entries]})


FORMS = {"txt": text_form, "gff": gff_form, "json": json_form}
