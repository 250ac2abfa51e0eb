"""Settings that contradict each other are refused with the way out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from multiprot.search.zero_shot import AnnotateOptions

FILE = Path("x.tsv")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"terms": FILE, "zero_shot": True, "top": 3},
        {"term": ("GO:0005524",), "zero_shot": True, "calibration": FILE},
        {"calibrate": FILE, "calibration_method": "platt", "ontology": FILE},
        {"evaluate": FILE, "evidence": ("IDA",), "reference": FILE, "calibration": FILE},
        {"namespaces": ("F", "biological_process"), "min_probability": 0.0},
    ],
)
def test_what_goes_together(given: dict[str, Any]) -> None:
    options = AnnotateOptions(**given)
    assert all(getattr(options, name) == value for name, value in given.items())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"term": ("GO:1",), "calibrate": FILE}, "--term and --calibrate are two questions"),
        ({"evaluate": FILE, "calibrate": FILE}, "--calibrate and --evaluate are two questions"),
        ({"zero_shot": True}, "add --terms FILE or --term"),
        ({"terms": FILE, "term": ("GO:1",)}, "--terms does not go with --term"),
        ({"terms": FILE, "evaluate": FILE}, "--terms does not go with --evaluate"),
        ({"calibrate": FILE, "calibration": FILE}, "drop --calibration"),
        ({"ontology": FILE}, "add --evaluate FILE or --calibrate FILE"),
        ({"evidence": ("IDA",)}, "add --evaluate FILE or --calibrate FILE"),
        ({"reference": FILE}, "add --evaluate FILE"),
        ({"reference": FILE, "calibrate": FILE}, "add --evaluate FILE"),
        ({"min_probability": 1.5}, "less than or equal to 1"),
        ({"top": 0}, "greater than or equal to 1"),
        ({"k": 0}, "greater than or equal to 1"),
        ({"namespaces": ("X",)}, "Input should be 'F'"),
        ({"modalities": "smell"}, "Input should be 'all'"),
    ],
)
def test_what_does_not(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        AnnotateOptions(**given)


def test_settings_need_no_heavy_library() -> None:
    """The help page is made from them."""
    program = (
        "import sys, multiprot.cli.annotate; "
        "print(sorted({'torch', 'numpy', 'scipy', 'pyarrow'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
