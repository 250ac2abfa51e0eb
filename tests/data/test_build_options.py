from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from multiprot.data import CorpusBuildOptions

SOME = {"sequences": Path("a.fasta")}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "neither structures nor sequences"),
        ({"annotations": Path("a.tsv"), **SOME}, "annotations need an ontology"),
        ({"splits": Path("s"), "cluster_identity": 0.3, **SOME}, "exclude each other"),
        ({"exclude_tasks": ("x",), **SOME}, "without an exclusion list"),
        ({"cluster_identity": 0.0, **SOME}, "greater than 0"),
        ({"cluster_identity": 30, **SOME}, "less than or equal to 1"),
        ({"valid_share": 0.5, **SOME}, "less than 0.5"),
        ({"on_mismatch": "ignore", **SOME}, "'error' or 'refuse'"),
        ({"unknown_terms": "ignore", **SOME}, "'error' or 'skip'"),
        ({"workers": -1, **SOME}, "greater than or equal to 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CorpusBuildOptions(**values)


@pytest.mark.parametrize("name", ["structures", "sequences"])
def test_either_input_is_enough(name: str) -> None:
    assert getattr(CorpusBuildOptions(**{name: Path("x")}), name) == Path("x")


def test_every_option_is_documented() -> None:
    properties = CorpusBuildOptions.model_json_schema()["properties"]
    assert all(entry.get("description") for entry in properties.values())
