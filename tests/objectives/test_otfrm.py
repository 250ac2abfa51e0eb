"""The differentiable OTFRM on the suite, against plain formulas, and with its reference file."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from multiprot.encoders.contract import FusionOutputs, ProteinBatch
from multiprot.errors import DataError
from multiprot.objectives import plugins
from multiprot.objectives.configs import OtfrmConfig
from multiprot.objectives.otfrm import LEAST, Otfrm, inverse_otfrm
from multiprot.testing import ObjectiveSuite
from multiprot.testing.trial_model import trial_batch, trial_context, trial_model

SIZE = 16


def write_reference(folder: Path) -> Path:
    """Forty vectors that are like those of the trial batch, though not the same."""
    path = folder / "reference.npy"
    model = trial_model()
    with torch.no_grad():
        like = model(trial_batch(model)).protein.repeat(6, 1)[:40]
    noise = torch.randn(like.shape, generator=torch.Generator().manual_seed(0))
    np.save(path, (like + noise * like.std()).numpy())
    return path


@cache
def suite_reference() -> Path:
    """A reference that stays until the tests end: the suite has no fixtures."""
    folder = tempfile.mkdtemp(prefix="otfrm-")
    atexit.register(shutil.rmtree, folder)
    return write_reference(Path(folder))


class TestOtfrm(ObjectiveSuite):
    plugin = plugins.otfrm

    def tiny_config(self) -> OtfrmConfig:
        return OtfrmConfig(reference=suite_reference(), reference_size=SIZE)


def objective(tmp_path: Path, **options: object) -> Otfrm:
    given = {"reference": write_reference(tmp_path), "reference_size": SIZE, **options}
    return Otfrm(OtfrmConfig(**given), trial_context())  # type: ignore[arg-type]


def outputs_and_batch() -> tuple[FusionOutputs, ProteinBatch]:
    model = trial_model()
    batch = trial_batch(model)
    return model(batch), batch


def naive_sinkhorn(x: Tensor, y: Tensor, epsilon: float) -> Tensor:
    """OT_ε with C = (1 − cos)², by plain scaling vectors in float64."""
    costs = (1 - normalize(x, dim=1) @ normalize(y, dim=1).T) ** 2
    kernel = (-costs / epsilon).exp()
    u, v = torch.ones(len(x)).double(), torch.ones(len(y)).double()
    for _ in range(2000):
        u = 1 / len(x) / (kernel @ v)
        v = 1 / len(y) / (kernel.T @ u)
    plan = u[:, None] * kernel * v[None, :]
    return (plan * costs).sum() + epsilon * (plan * (plan * len(x) * len(y)).log()).sum()


def test_equal_to_the_plain_formula(tmp_path: Path) -> None:
    each = objective(tmp_path)
    outputs, batch = outputs_and_batch()
    x, reference = outputs.protein.detach().double(), each.reference.double()
    unit = normalize(x, dim=1)
    intra = ((1 - unit @ unit.T) ** 2).mean()
    inter = naive_sinkhorn(reference, x, 0.1)
    inter = inter - naive_sinkhorn(x, x, 0.1) / 2 - naive_sinkhorn(reference, reference, 0.1) / 2
    result = each(outputs, batch)
    assert result.weight == len(x)
    torch.testing.assert_close(result.metrics["inter"].double(), inter, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(result.metrics["intra"].double(), intra, rtol=1e-4, atol=1e-6)
    assert LEAST < inter < 1
    torch.testing.assert_close(
        result.loss.double(), (1 - inter) / (1 - intra), rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize(
    ("intra", "inter", "expected"),
    [
        (0.2, 0.4, 0.6 / 0.8),
        (0.2, 1.5, 0.2 / 1.5),
        (0.2, LEAST / 2, 0.2 / LEAST),
        (0.2, -1e-9, 0.2 / LEAST),
        (1.3, 0.4, 0.6 / LEAST),
    ],
)
def test_branches(intra: float, inter: float, expected: float) -> None:
    found = inverse_otfrm(torch.tensor(intra), torch.tensor(inter))
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_proteins_without_sequence_do_not_count(tmp_path: Path) -> None:
    each = objective(tmp_path)
    outputs, batch = outputs_and_batch()
    half = torch.arange(len(batch.ids)) < 4
    found = each(outputs, replace(batch, has_sequence=half))
    moved = replace(outputs, protein=torch.where(half[:, None], outputs.protein, 7.0))
    assert found.weight == 4
    assert each(moved, replace(batch, has_sequence=half)).loss == found.loss


def test_the_space_shared_with_go(tmp_path: Path) -> None:
    path = tmp_path / "shared.npy"
    np.save(path, np.random.default_rng(1).standard_normal((SIZE, 12)))
    each = objective(tmp_path, reference=path, space="shared")
    outputs, batch = outputs_and_batch()
    result = each(outputs, batch)
    result.loss.backward()
    assert each.reference.shape == (SIZE, 12)
    assert result.loss > 0


def test_a_store_is_read_like_an_array(tmp_path: Path) -> None:
    array = np.load(write_reference(tmp_path))
    store = tmp_path / "store"
    (store / "_ledger").mkdir(parents=True)
    pq.write_table(pa.table({"input": ["x"]}), store / "_ledger" / "00000.parquet")
    for number, part in enumerate(np.array_split(array, 3)):
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(part.ravel()), array.shape[1])
        pq.write_table(pa.table({"vector": vectors}), store / f"vectors-{number:05d}.parquet")
    one, other = objective(tmp_path), objective(tmp_path, reference=store)
    torch.testing.assert_close(one.reference, other.reference, rtol=0, atol=0)


def test_state_brings_the_vectors_where_the_file_is_gone(tmp_path: Path) -> None:
    one = objective(tmp_path)
    outputs, batch = outputs_and_batch()
    loss = one(outputs, batch).loss
    (tmp_path / "reference.npy").rename(tmp_path / "elsewhere.npy")
    gone = OtfrmConfig(reference=tmp_path / "reference.npy", reference_size=SIZE)
    other = Otfrm(gone, trial_context())
    with pytest.raises(DataError, match=r"reference.npy does not exist; set .* reference"):
        other(outputs, batch)
    other.load_state_dict(one.state_dict())
    assert other(outputs, batch).loss == loss


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.ones((40, 23)), "23 channels, the model's have 24"),
        (np.ones((15, 24)), "15 vectors, 16 are wanted"),
        (np.ones(24), "shape"),
        (np.zeros((40, 24)), "zero or not finite"),
        (np.full((40, 24), np.nan), "zero or not finite"),
    ],
)
def test_unusable_references_are_told(tmp_path: Path, array: np.ndarray, says: str) -> None:
    path = tmp_path / "wrong.npy"
    np.save(path, array)
    with pytest.raises(DataError, match=says):
        objective(tmp_path, reference=path)


def test_a_file_of_something_else_is_told(tmp_path: Path) -> None:
    for name in ("text.npy", "text.parquet"):
        path = tmp_path / name
        path.write_text("no vectors")
        with pytest.raises(DataError, match="no vectors can be read"):
            objective(tmp_path, reference=path)
    pq.write_table(pa.table({"id": ["P1"]}), tmp_path / "ids.parquet")
    with pytest.raises(DataError, match="columns id"):
        objective(tmp_path, reference=tmp_path / "ids.parquet")
