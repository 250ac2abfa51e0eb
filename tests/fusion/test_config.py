"""Settings of the fusion model: what is refused, and that they need no torch."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from multiprot.encoders import EncoderSection
from multiprot.fusion import FusionConfig, ModelConfig


def test_settings_need_no_torch() -> None:
    code = (
        "import sys; from multiprot.fusion import FusionConfig, ModelConfig; "
        "import multiprot.objectives, multiprot.objectives.plugins; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"width": 100, "heads": 3}, "100 over 3 heads"),
        ({"width": 12, "heads": 4}, "gives 3 channels"),
        ({"width": 16, "heads": 4, "pooling_heads": 3}, "pooling_heads 3"),
        ({"dropout": 1.0}, "dropout"),
        ({"layers": -1}, "layers"),
        ({"widht": 16}, "widht"),
    ],
)
def test_unfit_sizes_are_refused_with_their_value(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        FusionConfig(**settings)


def test_model_without_any_residue_encoder_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least one"):
        ModelConfig(go=EncoderSection(name="term-table"))


def test_settings_survive_json() -> None:
    config = ModelConfig(
        sequence=EncoderSection(name="residue-transformer", options={"width": 8}),
        fusion=FusionConfig(width=16, heads=2),
    )
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config
