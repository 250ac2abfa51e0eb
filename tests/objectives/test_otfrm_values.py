"""The differentiable OTFRM beside the one that is measured, its slope, and what training does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from multiprot.encoders.contract import ObjectiveContext
from multiprot.errors import DataError
from multiprot.objectives.configs import OtfrmConfig
from multiprot.objectives.otfrm import LEAST, Otfrm, inverse_otfrm
from multiprot.objectives.reference_vectors import read_reference
from multiprot.optimal_transport import (
    SinkhornOptions,
    cosine_costs,
    sinkhorn_of_arrays,
)
from multiprot.transfer import Sample, TransferOptions, otfrm
from tests.transfer.runs import make_corpus, make_run

WIDTH = 6


def vectors(n: int, seed: int, shift: float = 0.0) -> np.ndarray:
    # Around one direction, so that the sets overlap, and float32 as models give them.
    rows = np.random.default_rng(seed).standard_normal((n, WIDTH)) * 0.6
    rows[:, 0] += 1.5
    rows[:, 1] += shift
    return rows.astype(np.float32)


def objective(
    folder: Path, *, reference: np.ndarray | None = None, **options: float | str
) -> Otfrm:
    array = vectors(30, 0) if reference is None else reference
    path = folder / "reference.npy"
    np.save(path, array)
    config = OtfrmConfig(reference=path, reference_size=len(array), **options)  # type: ignore[arg-type]
    return Otfrm(config, ObjectiveContext(width=WIDTH, shared_dim=WIDTH))


@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize("epsilon", [0.1, 0.5])
def test_its_parts_are_those_that_are_measured(
    tmp_path: Path, power: float, epsilon: float
) -> None:
    each = objective(tmp_path, power=power, epsilon=epsilon)
    batch = vectors(20, 1, shift=0.8)
    intra, inter = each.distances(torch.from_numpy(batch))
    assert intra.item() == pytest.approx(cosine_costs(batch, batch, power).mean(), rel=1e-4)
    how = SinkhornOptions(epsilon=epsilon, power=power, tolerance=1e-7, iterations=9999)
    expected = sinkhorn_of_arrays(vectors(30, 0), batch, how)
    assert inter.item() == pytest.approx(expected, rel=2e-3, abs=1e-5)


def test_with_little_blur_it_is_one_over_the_measured_otfrm(tmp_path: Path) -> None:
    """With p = 1, where the intra of both is a mean of 1 − cosine, and S_ε nears W."""
    reference, batch = vectors(30, 0), vectors(30, 1, shift=2.0)
    tasks = [Sample("reference", reference), Sample("batch", batch)]
    measured = otfrm(tasks, TransferOptions(power=1, replicates=0))["batch"].value
    losses = []
    for epsilon in (0.3, 0.03):
        each = objective(tmp_path, reference=reference, power=1.0, epsilon=epsilon)
        losses.append(inverse_otfrm(*each.distances(torch.from_numpy(batch))).item())
    errors = [abs(loss - 1 / measured) * measured for loss in losses]
    assert errors[1] < errors[0]
    assert errors[1] < 0.04


@pytest.mark.parametrize(("shift", "branch"), [(0.8, "between"), (9.0, "beyond")])
def test_its_slope_is_that_of_finite_differences(tmp_path: Path, shift: float, branch: str) -> None:
    reference = vectors(12, 0) if branch == "between" else -vectors(12, 0)
    each = objective(tmp_path, reference=reference, epsilon=0.5).double()
    batch = torch.from_numpy(vectors(6, 1, shift)).double().requires_grad_()

    def loss(x: Tensor) -> Tensor:
        return inverse_otfrm(*each.distances(x))

    inter = each.distances(batch)[1].item()
    assert (LEAST < inter < 1) is (branch == "between")
    loss(batch).backward()
    assert batch.grad is not None
    for seed in range(3):
        step = torch.randn(batch.shape, generator=torch.Generator().manual_seed(seed)).double()
        width = 1e-3
        slope = (loss(batch + width * step) - loss(batch - width * step)).item() / (2 * width)
        assert (batch.grad * step).sum().item() == pytest.approx(slope, rel=0.02, abs=1e-4)


@settings(max_examples=60)
@given(intra=st.floats(0, 4), inter=st.floats(-0.01, 4))
def test_it_is_finite_wherever_the_sets_are(intra: float, inter: float) -> None:
    loss = inverse_otfrm(torch.tensor(intra), torch.tensor(inter)).item()
    assert np.isfinite(loss)
    assert 0 <= loss <= 4 / LEAST + 1
    if LEAST * 1.01 < inter < 0.999:
        assert loss == pytest.approx((1 - inter) / max(1 - intra, LEAST), rel=1e-3)


@settings(max_examples=30)
@given(inter=st.floats(0.01, 0.99), one=st.floats(0, 0.9), more=st.floats(0.01, 0.09))
def test_less_is_asked_of_a_tight_batch_far_away(inter: float, one: float, more: float) -> None:
    loss = inverse_otfrm(torch.tensor(one), torch.tensor(inter))
    assert inverse_otfrm(torch.tensor(one + more), torch.tensor(inter)) > loss
    nearer = inverse_otfrm(torch.tensor(one), torch.tensor(inter * 0.9))
    assert nearer > loss


def test_descent_draws_the_batch_together_and_away(tmp_path: Path) -> None:
    each = objective(tmp_path)
    batch = torch.from_numpy(vectors(16, 1, shift=0.3)).requires_grad_()
    optimizer = torch.optim.Adam([batch], lr=0.05)
    before = [each.distances(batch.detach())[i].item() for i in range(2)]
    first = inverse_otfrm(*each.distances(batch)).item()
    for _ in range(25):
        optimizer.zero_grad()
        inverse_otfrm(*each.distances(batch)).backward()
        optimizer.step()
    intra, inter = (part.item() for part in each.distances(batch.detach()))
    assert inverse_otfrm(torch.tensor(intra), torch.tensor(inter)).item() < 0.9 * first
    assert intra < before[0]
    assert inter > before[1]
    assert each.reference.requires_grad is False


@pytest.mark.parametrize("batch", ["reference", "one", "opposite"])
def test_odd_batches_have_a_finite_loss_and_slope(tmp_path: Path, batch: str) -> None:
    reference = vectors(30, 0)
    given_ = {"reference": reference, "one": reference[:1], "opposite": -reference}[batch]
    each = objective(tmp_path, reference=reference)
    x = torch.from_numpy(given_.copy()).requires_grad_()
    loss = inverse_otfrm(*each.distances(x))
    loss.backward()
    assert torch.isfinite(loss)
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_the_same_vectors_are_drawn_each_time(tmp_path: Path) -> None:
    array = vectors(50, 3)
    np.save(tmp_path / "x.npy", array)
    drawn = read_reference(tmp_path / "x.npy", 20, WIDTH)
    np.testing.assert_array_equal(drawn, read_reference(tmp_path / "x.npy", 20, WIDTH))
    rows = [int(np.flatnonzero((array == row).all(axis=1))[0]) for row in drawn]
    assert rows == sorted(set(rows))
    assert rows != list(range(20))
    np.testing.assert_array_equal(read_reference(tmp_path / "x.npy", 50, WIDTH), array)


def test_half_and_double_precision_are_read(tmp_path: Path) -> None:
    array = vectors(12, 3).astype(np.float16)
    for kind in (np.float16, np.float32, np.float64, ">f4"):
        np.save(tmp_path / "x.npy", np.asfortranarray(array.astype(kind)))
        found = read_reference(tmp_path / "x.npy", 12, WIDTH)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, array.astype(np.float32))


@pytest.mark.parametrize(
    "array",
    [
        np.array([["a"] * WIDTH] * 12),
        np.ones((12, WIDTH), complex) * 1j,
        np.array([{"a": 1}] * 12, dtype=object),
        np.array(3.0),
    ],
    ids=["text", "complex", "objects", "number"],
)
def test_arrays_of_something_else_are_told(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match=r"x\.npy: no vectors can be read from it"):
        read_reference(tmp_path / "x.npy", 12, WIDTH)


def test_an_archive_under_the_name_of_an_array_is_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", vectors(12, 3))
    (tmp_path / "x.npz").rename(tmp_path / "x.npy")
    with pytest.raises(DataError, match=r"several arrays in one archive"):
        read_reference(tmp_path / "x.npy", 12, WIDTH)


@pytest.mark.parametrize("rows", [[[1.0] * WIDTH] * 11 + [None], [[1.0]] * 11 + [[1.0, 2.0]]])
def test_a_table_with_gaps_is_told(tmp_path: Path, rows: list[list[float] | None]) -> None:
    pq.write_table(pa.table({"vector": rows}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"x\.parquet: no vectors can be read from it"):
        read_reference(tmp_path / "x.parquet", 12, WIDTH)


def test_a_cut_file_is_told(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", vectors(40, 3))
    content = (tmp_path / "x.npy").read_bytes()
    for kept in (0, 5, 40, len(content) // 2):
        (tmp_path / "x.npy").write_bytes(content[:kept])
        with pytest.raises(DataError, match=r"x\.npy: no vectors can be read from it"):
            read_reference(tmp_path / "x.npy", 12, WIDTH)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_one_spoilt_vector_is_told(tmp_path: Path, value: float) -> None:
    array = vectors(12, 3)
    array[5] = value
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(DataError, match="one is zero or not finite"):
        read_reference(tmp_path / "x.npy", 12, WIDTH)


def section(path: Path, **options: float) -> dict[str, object]:
    return {"name": "otfrm", "options": {"reference": str(path), "reference_size": 8, **options}}


def test_a_mistyped_path_is_told_before_a_step_is_taken(tmp_path: Path) -> None:
    make_corpus(tmp_path / "corpus")
    objectives = [{"name": "masked-residue"}, section(tmp_path / "mistyped.npy")]
    with pytest.raises(DataError, match=r"mistyped\.npy does not exist; set .*option reference"):
        make_run(tmp_path / "run", tmp_path / "corpus", objectives=objectives)
    assert not list((tmp_path / "run").glob("checkpoints/*"))
    assert not (tmp_path / "run" / "bundle").exists()


def test_a_trained_model_brings_its_reference(tmp_path: Path) -> None:
    from multiprot.bundle import load_bundle

    make_corpus(tmp_path / "corpus")
    array = np.random.default_rng(0).standard_normal((20, 16)).astype(np.float32)
    np.save(tmp_path / "reference.npy", array)
    objectives = [{"name": "masked-residue"}, section(tmp_path / "reference.npy")]
    run = make_run(tmp_path / "run", tmp_path / "corpus", objectives=objectives)
    before = load_bundle(run / "bundle").load_objectives().state_dict()
    (tmp_path / "reference.npy").unlink()
    after = load_bundle(run / "bundle").load_objectives().state_dict()
    (name,) = (name for name in after if name.endswith("reference"))
    np.testing.assert_array_equal(after[name].numpy(), before[name].numpy())
    assert all((array == row).all(axis=1).any() for row in after[name].numpy())
