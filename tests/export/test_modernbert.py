"""Whatever a student's shape and weights are, a ModernBERT is the same function."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.encoders.reference.letters import LETTERS
from multiprot.export import ExportSource
from multiprot.export.modernbert import modernbert_config, modernbert_tensors
from multiprot.export.parity import compare, padded
from multiprot.export.source import content_hash
from multiprot.export.transformers_checkpoint import (
    BAR,
    feed_forward_width,
    write_checkpoint,
)
from multiprot.student.config import PRESETS, StudentConfig
from multiprot.student.model import packed_tokens
from tests.export.conftest import lively_student

pytest.importorskip("transformers")


def source_of(config: StudentConfig, seed: int = 0) -> ExportSource:
    trunk = lively_student(config, seed).trunk
    return ExportSource("it", trunk, config, content_hash(trunk, config))


@settings(max_examples=8, deadline=None)
@given(
    heads=st.integers(1, 3),
    layers=st.integers(1, 3),
    hidden=st.none() | st.integers(1, 99),
    base=st.sampled_from([500.0, 10_000.0, 1e6]),
    seed=st.integers(0, 99),
)
def test_every_shape_is_matched(
    tmp_path_factory: pytest.TempPathFactory,
    heads: int,
    layers: int,
    hidden: int | None,
    base: float,
    seed: int,
) -> None:
    config = StudentConfig(
        width=64 * heads, layers=layers, feed_forward_width=hidden, rotary_base=base
    )
    source = source_of(config, seed)
    parity = compare(source.trunk, write_checkpoint(tmp_path_factory.mktemp("m"), source))
    assert max(parity.tokens, parity.vectors) <= BAR


@pytest.mark.parametrize("name", ["2m", pytest.param("35m", marks=pytest.mark.long)])
def test_presets_are_matched(tmp_path: Path, name: str) -> None:
    source = source_of(StudentConfig.model_validate({"preset": name, "layers": None}))
    assert feed_forward_width(source.trunk) == PRESETS[name]["feed_forward_width"]  # type: ignore[index]
    parity = compare(source.trunk, write_checkpoint(tmp_path, source))
    assert max(parity.tokens, parity.vectors) <= BAR


def test_it_is_as_large_as_the_student() -> None:
    """But for padding's row and the embedding's norm; the first attention's norm it lacks."""
    config = StudentConfig(width=64, layers=2)
    trunk = lively_student(config).trunk
    numbers = sum(tensor.numel() for tensor in modernbert_tensors(trunk).values())
    own = sum(parameter.numel() for parameter in trunk.parameters())
    assert numbers == own + 64 + 2 * 64 - 2 * 64
    told = modernbert_config(config, feed_forward_width(trunk))
    assert told["vocab_size"] == LETTERS + 1
    assert set(told["layer_types"]) == {"full_attention"}


def test_letters_that_nearly_coincide_are_matched_too(tmp_path: Path) -> None:
    """Rare letters hardly learn: here two that are one, and two that are almost."""
    source = source_of(StudentConfig(width=64, layers=2))
    rows = source.trunk.embedding.weight
    with torch.no_grad():
        rows[25] = rows[24]
        rows[23] = rows[22] + 1e-3 * torch.randn(64)
    parity = compare(source.trunk, write_checkpoint(tmp_path, source))
    assert max(parity.tokens, parity.vectors) <= BAR


def test_company_and_padding_change_nothing(tmp_path: Path) -> None:
    run = write_checkpoint(tmp_path, source_of(StudentConfig(width=64, layers=2)))
    sequences = ["MKTAYIAKQR", "A", "ACDEFGHIKLMNPQRSTVWY" * 5]
    _, together = run(*padded(sequences))
    alone = [run(*padded([each]))[1][0] for each in sequences]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)


def test_the_mask_is_a_letter_like_others(tmp_path: Path) -> None:
    """It stands where a residue is hidden, for whoever trains on in transformers."""
    source = source_of(StudentConfig(width=64, layers=2))
    run = write_checkpoint(tmp_path, source)
    ids, mask = padded(["ACDEF"])
    ids[0, 2] = LETTERS - 1
    with torch.inference_mode():
        expected = packed_tokens(source.trunk, torch.from_numpy(ids[0]), torch.tensor([5]))
    np.testing.assert_allclose(run(ids, mask)[0][0], expected.numpy(), rtol=0, atol=1e-5)
