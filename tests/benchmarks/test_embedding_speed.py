"""The embedding benchmark: fair input, right figures, and a whole comparison in small."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.embedding_speed.figures import outcomes, shape_figures
from benchmarks.embedding_speed.parity import parity
from benchmarks.embedding_speed.rounds import Results
from benchmarks.embedding_speed.sample import LETTERS, LONGEST, Sample, draw_sample, shared_file
from benchmarks.embedding_speed.shapes import SHAPES, write_checkpoint
from benchmarks.embedding_speed.time_shares import kind_of
from benchmarks.embedding_speed.variants import PADDED, VARIANTS
from benchmarks.embedding_speed.variants.base import budgeted, read_fasta

ROOT = Path(__file__).parents[2]
PINNED = "3e2881977cfb0eea62a76041894bffa64c707ee88abfeced3e88da662b8a045f"
"""Of 300 proteins, seed 4."""
matrices = arrays(np.float32, (5, 4), elements=st.floats(-10, 10, width=32))


@given(matrices, matrices)
def test_parity_equals_a_loop_over_proteins(noise: np.ndarray, raw: np.ndarray) -> None:
    expected = raw + np.eye(5, 4, dtype=np.float32) * 30 + 1
    found = expected + noise / 100
    cosines, apart, centred = [], [], []
    middle = sum(row.astype(float) for row in expected) / 5
    for a, b in zip(found.astype(float), expected.astype(float), strict=True):
        cosines.append(np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)))
        apart.append(np.sqrt(((a - b) ** 2).sum()) / np.sqrt((b**2).sum()))
        centred.append(np.sqrt(((a - b) ** 2).sum()) / np.sqrt(((b - middle) ** 2).sum()))
    assert parity(found, expected) == pytest.approx(
        {
            "smallest_cosine": min(cosines),
            "largest_relative_difference": max(apart),
            "largest_centred_difference": max(centred),
        }
    )


def test_vectors_that_are_not_finite_or_too_few_are_refused() -> None:
    good = np.ones((3, 2))
    bad = good.copy()
    bad[1, 0] = np.nan
    with pytest.raises(ValueError, match="first in row 1"):
        parity(bad, good)
    with pytest.raises(ValueError, match="shape"):
        parity(good[:2], good)


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 100))
def test_budgeted_batches_hold_everyone_once_within_the_budget(
    lengths: list[int], tokens: int
) -> None:
    batches = budgeted(lengths, tokens)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = len(batch) * max(lengths[row] for row in batch)
        assert padded <= tokens or len(batch) == 1


def test_generated_samples_repeat_and_have_the_lengths_of_real_ones(tmp_path: Path) -> None:
    sample = draw_sample(4000, 5, None)
    assert sample.to_json() == draw_sample(4000, 5, None).to_json()
    assert sample.to_json() != draw_sample(4000, 6, None).to_json()
    assert read_fasta(sample.write(tmp_path / "s.fasta")) == tuple(
        map(list, zip(*sample.proteins, strict=True))
    )
    lengths = np.array([len(sequence) for _, sequence in sample.proteins])
    # Of the real proteins, see sample.py.
    quartiles = np.percentile(lengths, [25, 50, 75])
    assert quartiles == pytest.approx([140, 250, 408], rel=0.1)
    assert lengths.mean() == pytest.approx(302.7, rel=0.05)


@pytest.mark.long
def test_real_samples_are_pinned_and_comparable() -> None:
    path = shared_file()
    if path is None:
        pytest.skip("no ../shared/data/sequences here")
    sample = draw_sample(300, 4, path)
    assert sample.to_json()["sha256"] == PINNED
    assert len({sequence for _, sequence in sample.proteins}) == 300
    for _, sequence in sample.proteins:
        assert len(sequence) <= LONGEST
        assert set(sequence) <= set(LETTERS)


def test_arithmetic_is_what_torch_counts(tmp_path: Path) -> None:
    """torch counts the matrix products of a real forward pass; only the head is not counted."""
    from transformers import EsmModel

    folder = write_checkpoint(SHAPES["tiny"], tmp_path / "tiny", 1)
    # Eager: torch's counter does not know the CPU's fused attention.
    model = EsmModel.from_pretrained(folder, attn_implementation="eager", add_pooling_layer=False)
    counted = 0.0
    for residues in (5, 77):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(input_ids=torch.full((1, residues + 2), 5))
        counted += counter.get_total_flops()
    assert SHAPES["tiny"].flops([5, 77]) == pytest.approx(counted, rel=0.001)


def test_weights_matter_in_every_layer(tmp_path: Path) -> None:
    """An error in one layer must show, or parity would mean nothing."""
    from transformers import EsmModel

    folder = write_checkpoint(SHAPES["tiny"], tmp_path / "tiny", 1)
    model = EsmModel.from_pretrained(folder, add_pooling_layer=False).eval()
    tokens = torch.randint(4, 24, (3, 40), generator=torch.manual_seed(0))

    def vectors() -> np.ndarray[Any, Any]:
        with torch.no_grad():
            return np.asarray(model(input_ids=tokens).last_hidden_state.mean(dim=1))

    whole = vectors()
    for layer in model.encoder.layer:
        for part in (layer.attention.output.dense, layer.intermediate.dense):
            before = part.weight.clone()
            part.weight.data.zero_()
            assert parity(vectors(), whole)["smallest_cosine"] < 0.99
            part.weight.data.copy_(before)


def test_figures_of_made_up_times() -> None:
    sample = Sample("made up", (("a", "A" * 98), ("b", "C" * 98)))
    results = Results(ceilings={"fp32": 1e12, "bf16": 2e12})
    times = {PADDED: [4.0, 40.0, 4.0], "multiprot bf16": [0.4, 4.0, 0.2]}
    for name, seconds in times.items():
        results.facts[name] = {
            "tokens": 400 if name == PADDED else 200,
            "peak_mib": 1.0,
            "device_peak_mib": None,
            "load_seconds": 1.0,
            "settings": {},
            "libraries": {},
        }
        results.runs[name] = [
            {"seconds": taken, "processor_seconds": taken, "own_peak_mib": 1.0} for taken in seconds
        ]
        results.vectors[name] = np.eye(2)
    figures = shape_figures(results, sample, SHAPES["8M"])
    ours = figures["variants"]["multiprot bf16"]
    assert ours["residues_per_second"] == pytest.approx(196 / 0.4)
    assert ours["best_residues_per_second"] == pytest.approx(196 / 0.2)
    assert ours["ratio_to_padded"] == pytest.approx(10)
    assert ours["ratio_to_best_hf"] == pytest.approx(10)
    assert (ours["padding"], figures["variants"][PADDED]["padding"]) == (0, 0.5)
    flops = 6 * (2 * 12 * 320**2 * 200 + 4 * 320 * 2 * 100**2)
    assert ours["share_of_matmul_ceiling"] == pytest.approx(flops / 0.4 / 2e12)
    reached = {text: (value, bound) for text, value, bound in outcomes("8M", figures, "cpu")}
    assert reached["8M: multiprot bf16, times the padded HF loop"] == pytest.approx((10, 10))
    assert reached["8M: multiprot bf16, cosine"] == pytest.approx((1, 0.9999))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("aten::addmm", "matrix products"),
        ("mkldnn::_linear_pointwise", "matrix products"),
        ("nvjet_tst_128x256_64x4_1x2_h_bz_coopA_NNT", "matrix products"),
        ("aten::_scaled_dot_product_flash_attention_for_cpu", "attention"),
        ("void pytorch_flash::flash_fwd_kernel<...>", "attention"),
        ("aten::gelu", "gelu"),
        ("aten::native_layer_norm", "norms"),
        ("Memcpy DtoH (Device -> Pinned)", "copies"),
        ("aten::mul", "rotations and other elementwise"),
        ("aten::embedding", "gathers"),
    ],
)
def test_operators_have_their_kind(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_a_whole_comparison_in_small(tmp_path: Path) -> None:
    """Called by its path as the documentation says; a rival that is missing is told of."""
    written = tmp_path / "speed.json"
    wanted = ("HF fp32, padded", "fair-esm", "multiprot fp32", "faesm fp32")
    done = subprocess.run(
        [
            *(sys.executable, "benchmarks/embedding.py", "--quick", "--json", str(written)),
            *("--part", "speed", "--shape", "tiny", "--proteins", "12", "--generated"),
            *("--threads", "1", "--python", f"faesm={sys.executable}"),
            *(part for name in wanted for part in ("--variant", name)),
        ],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(written.read_text())
    assert found["threads"] == 1
    shape = found["speed"]["shapes"]["tiny"]
    expected = {n for n, e in VARIANTS.items() if e.compared and any(word in n for word in wanted)}
    assert set(shape["variants"]) | set(shape["not_run"]) == expected
    assert all("multiprot" not in name for name in shape["not_run"]), shape["not_run"]
    variants = shape["variants"]
    for name, row in variants.items():
        assert row["parity"]["smallest_cosine"] >= 0.999999, name
        assert row["residues_per_second"] > 0
    assert variants["multiprot fp32"]["padding"] == 0
    assert variants[PADDED]["padding"] > 0.05
    assert 0 < shape["profiles"]["multiprot fp32"]["share_of_wall"]["attention"] < 1
    assert "x padded" in done.stdout
