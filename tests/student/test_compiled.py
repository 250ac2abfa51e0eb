"""torch.compile on packed students: whole graphs, made once, whatever the batch."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch._dynamo.utils import counters

from multiprot.encoders.contract import Layout
from multiprot.encoders.reference.letters import LetterFeatures
from multiprot.encoders.rotary import rotary_turns, rotate
from multiprot.student.config import StudentConfig
from multiprot.student.encoder import build_encoder
from multiprot.student.model import build_trunk
from multiprot.student.options import StudentOptions

# How many proteins there are, and how long they are, never repeats; one protein and one residue are
# what dynamo likes to make special cases of.
BATCHES = ((37, 12), (5,), (1,), (64, 64, 64), (9, 3, 8, 2, 7, 1), (200, 1), (1, 1), (128,) * 9)


def features(lengths: tuple[int, ...], layout: Layout = Layout.PACKED) -> LetterFeatures:
    rng = np.random.default_rng(sum(lengths))
    shape = (sum(lengths),) if layout is Layout.PACKED else (len(lengths), max(lengths))
    letters = torch.from_numpy(rng.integers(0, 27, shape))
    return LetterFeatures(letters, torch.tensor(lengths), layout)


@pytest.fixture
def fresh() -> Any:
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_two_graphs_serve_all_blocks_and_batches(layout: Layout, dtype: torch.dtype) -> None:
    """`fullgraph` would raise at a break; the counter says whether anything was made anew."""
    plain = build_trunk(StudentConfig(width=64, layers=3)).eval().to(dtype)
    compiled = copy.deepcopy(plain)
    compiled.compile(dynamic=True, backend="aot_eager")
    counts = []
    with torch.inference_mode():
        for lengths in BATCHES:
            batch = features(lengths, layout)
            expected, found = plain(batch).values, compiled(batch).values
            bar = 1e-5 if dtype == torch.float32 else 0.06
            torch.testing.assert_close(found, expected, rtol=bar, atol=bar)
            counts.append(counters["stats"]["unique_graphs"])
    assert counts[0] == 2
    # Sizes of 1 are graphs of their own to dynamo: a single residue; padded, a single protein too.
    assert counts[-1] <= (4 if layout is Layout.PACKED else 10), counts


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("fresh")
def test_inductor_makes_the_same_tokens() -> None:
    encoder = build_encoder(StudentOptions(width=64, layers=1)).eval()
    with torch.inference_mode():
        expected = [encoder(features(lengths)).values for lengths in BATCHES[:2]]
        encoder.compile(dynamic=True)
        found = [encoder(features(lengths)).values for lengths in BATCHES[:2]]
    for each, other in zip(expected, found, strict=True):
        torch.testing.assert_close(other, each, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_real_and_complex_turns_turn_alike(dtype: torch.dtype) -> None:
    turns = rotary_turns(torch.arange(30), 64, 10_000.0)
    vectors = torch.randn(30, 2, 64, generator=torch.Generator().manual_seed(0)).to(dtype)
    found = rotate(vectors, torch.view_as_real(turns))
    torch.testing.assert_close(found, rotate(vectors, turns), rtol=1e-6, atol=1e-6)
