"""Reading features from the JSON form of UniProtKB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from multiprot.errors import FileFormatError, RecordError
from multiprot.files import read_bytes
from multiprot.proteins.feature_table import FeatureTable
from multiprot.proteins.uniprot_features import FeatureCollector

_EXACT: Final = "EXACT"
_HOW: Final = "fetch the entries from rest.uniprot.org with format=json"


def read_uniprot_json(path: Path | str) -> FeatureTable:
    """Read the features of UniProtKB entries in the JSON form of rest.uniprot.org.

    The file holds one entry, a list of them, or an object whose `results` are one. Kinds and names
    are those of `feature_kind` and `feature_name`, ids the primary accessions. A feature with an
    end whose modifier is not "EXACT", or on another isoform, is counted but not kept.

    Raises
    ------
    FileFormatError
        If the file cannot be read or is not of this form, a feature ends before it starts, or a
        protein occurs twice; the message names the entry.
    """
    source = Path(path)
    found = FeatureCollector(source)
    for number, entry in enumerate(_entries(source), start=1):
        where = f"entry {number}"
        accession = entry.get("primaryAccession") if isinstance(entry, dict) else None
        if not isinstance(accession, str):
            raise FileFormatError(f"{source}: {where} has no primaryAccession; {_HOW}")
        found.begin(accession, where)
        features = entry.get("features", [])
        if not isinstance(features, list):
            raise FileFormatError(f"{source}: entry {accession}: features is no list; {_HOW}")
        for position, feature in enumerate(features, start=1):
            try:
                _add(found, accession, feature)
            except RecordError as error:
                raise FileFormatError(f"{source}: entry {accession}: {error}") from None
            except (KeyError, TypeError, AttributeError):
                raise FileFormatError(
                    f"{source}: entry {accession}: feature {position} lacks a type, or a location "
                    f"with the values of start and end as numbers; {_HOW}"
                ) from None
    return found.table()


def _entries(source: Path) -> list[Any]:
    try:
        content = json.loads(read_bytes(source))
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{source}: is not JSON ({error}); {_HOW}") from None
    if isinstance(content, dict):
        content = content.get("results", [content])
    if not isinstance(content, list):
        raise FileFormatError(f"{source}: holds neither an entry nor a list of entries; {_HOW}")
    return content


def _add(found: FeatureCollector, accession: str, feature: Any) -> None:
    location = feature["location"]
    ends = [location["start"], location["end"]]
    exact = all(end.get("modifier", _EXACT) == _EXACT for end in ends)
    if not exact or location.get("sequence", accession) not in (None, accession):
        found.leave_out()
        return
    start, end = (end["value"] for end in ends)
    kind, description = feature["type"], feature.get("description") or ""
    # Not isinstance: true is an int, too.
    if (type(start), type(end), type(kind), type(description)) != (int, int, str, str):
        raise TypeError
    found.add(accession, kind, description, (start, end))
