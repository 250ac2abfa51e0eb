"""torch.compile changes how fast vectors come, not what they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from multiprot.embedding import Embedder, EmbedOptions
from multiprot.errors import ConfigError
from tests.embedding.proteins import long_record

TINY = ("layers=2", "width=32", "heads=4")


@pytest.mark.long
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_compiled_vectors_are_the_same_within_rounding(precision: str) -> None:
    records = [long_record(length, seed=length) for length in (1, 3, 40, 41, 200, 700)]
    plain, compiled = (
        Embedder.open(
            "esm2",
            encoder_options=TINY,
            options=EmbedOptions.model_validate({"precision": precision, "compile": made}),
        ).embed_residues(records)
        for made in (False, True)
    )
    tolerance = 1e-5 if precision == "fp32" else 3e-2
    scale = np.abs(plain.vectors).max()
    np.testing.assert_allclose(compiled.vectors, plain.vectors, rtol=0, atol=tolerance * scale)


def test_a_compiler_that_is_not_there_is_told_when_the_model_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*args: object, **settings: object) -> object:
        def made(*values: object) -> object:
            raise RuntimeError("no compiler\nat all")

        return made

    monkeypatch.setattr(torch, "compile", refuse)
    with pytest.raises(
        ConfigError, match=r"cannot make code of esm2 here \(no compiler\); install"
    ):
        Embedder.open("esm2", encoder_options=TINY, options=EmbedOptions(compile=True))


def test_bundles_are_not_compiled(tiny_bundle: Path) -> None:
    with pytest.raises(ConfigError, match="compile is for an encoder alone"):
        Embedder.open(tiny_bundle, options=EmbedOptions(compile=True))
