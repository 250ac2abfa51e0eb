from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from multiprot.data import BatchConfig


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens_per_batch": 0}, "greater than or equal to 1"),
        ({"tokens_per_batch": 100, "crop_residues": 101}, "crop_residues 101 exceeds"),
        ({"structure_share": 1.5}, "less than or equal to 1"),
        ({"structure_dropout": 1.0}, "less than 1"),
        ({"sequence_dropout": -0.1}, "greater than or equal to 0"),
        ({"go_candidates": "some"}, "'vocabulary' or 'batch'"),
        ({"go_min_proteins": 0}, "greater than or equal to 1"),
        ({"workers": -1}, "greater than or equal to 0"),
        ({"token_per_batch": 10}, "Extra inputs"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        BatchConfig(**changes)


def test_a_crop_may_fill_a_batch_or_be_absent() -> None:
    assert BatchConfig(tokens_per_batch=100, crop_residues=100).crop_residues == 100
    assert BatchConfig(tokens_per_batch=100, crop_residues=None).crop_residues is None


def test_every_setting_is_documented() -> None:
    properties = BatchConfig.model_json_schema()["properties"]
    assert all(entry.get("description") for entry in properties.values())


@pytest.mark.parametrize(
    "statement",
    [
        "import multiprot.data",
        "from multiprot.data import BatchConfig, Corpus, CorpusBuildOptions, build_corpus",
        "import multiprot.cli.data",
        "import multiprot.data.summary",
    ],
)
def test_building_and_looking_need_no_torch(statement: str) -> None:
    code = f"{statement}\nimport sys\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    import multiprot.data

    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = multiprot.data.Nothing  # type: ignore[attr-defined]
    assert all(hasattr(multiprot.data, name) for name in multiprot.data.__all__)
