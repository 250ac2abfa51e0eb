"""The part of a bundle that predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from multiprot.bundle import PredictionHead, PredictionSettings, load_bundle
from multiprot.bundle.prediction import load_head, save_head
from multiprot.encoders.tensor_files import save_tensors
from multiprot.errors import BundleError


def head(**given: Any) -> PredictionHead:
    settings = {"task": "t", "unit": "protein", "target": "regression", "width": 6} | given
    torch.manual_seed(0)
    made = PredictionHead(PredictionSettings.model_validate(settings)).eval()
    made.center.copy_(torch.randn(6))
    made.spread.copy_(torch.rand(6) + 0.5)
    return made


@pytest.mark.parametrize("hidden", [None, 4])
@pytest.mark.parametrize(
    ("target", "names", "shape"),
    [
        ("regression", (), (5,)),
        ("binary", ("no", "yes"), (5,)),
        ("multiclass", ("a", "b", "c"), (5, 3)),
        ("multilabel", ("a", "b"), (5, 2)),
    ],
)
def test_predictions_are_of_their_kind(
    target: str, names: tuple[str, ...], shape: tuple[int, ...], hidden: int | None
) -> None:
    made = head(target=target, class_names=names, hidden=hidden)
    said = made.predictions(made(torch.randn(5, 6)))
    assert said.shape == shape
    assert said.dtype == torch.float64
    if target != "regression":
        assert bool(((said >= 0) & (said <= 1)).all())
    if target == "multiclass":
        assert torch.allclose(said.sum(dim=1), torch.ones(5, dtype=torch.float64))


def test_numbers_come_in_the_unit_of_the_task() -> None:
    made = head()
    rows = torch.randn(3, 6)
    plain = made.predictions(made(rows))
    made.target_center.fill_(40.0)
    made.target_spread.fill_(8.0)
    assert torch.allclose(made.predictions(made(rows)), plain * 8 + 40)


def test_scale_and_shift_of_the_vectors_do_not_matter() -> None:
    one, other = head(), head()
    rows = torch.randn(4, 6)
    other.center.copy_(one.center * 3 + 2)
    other.spread.copy_(one.spread * 3)
    assert torch.allclose(one(rows), other(rows * 3 + 2), atol=1e-5)


def test_pairs_have_no_first_and_second() -> None:
    made = head(unit="pair", hidden=4)
    a, b = torch.randn(7, 6), torch.randn(7, 6)
    assert torch.equal(made(a, b), made(b, a))
    assert not torch.equal(made(a, b), made(a, a))


def test_other_parts_than_it_was_made_for_are_refused() -> None:
    rows = torch.randn(2, 6)
    for made, parts in (
        (head(), (rows, rows)),
        (head(unit="pair"), (rows,)),
        (head(unit="protein_ligand", ligand_bits=3), (rows,)),
    ):
        with pytest.raises(BundleError, match="prediction head of t"):
            made(*parts)
    ligand = head(unit="protein_ligand", ligand_bits=3)
    assert ligand(rows, None, torch.ones(2, 3)).shape == (2, 1)


def test_saved_and_loaded_it_says_the_same(tmp_path: Path) -> None:
    made = head(target="multiclass", class_names=("x", "y"), hidden=3, max_residues=9)
    path = tmp_path / "prediction.safetensors"
    save_head(made, path)
    again = load_head(path)
    rows = torch.randn(4, 6)
    assert again.settings == made.settings
    assert torch.equal(again(rows), made(rows))
    other = tmp_path / "other.safetensors"
    save_tensors(made.state_dict(), other)
    with pytest.raises(BundleError, match="is not a prediction head"):
        load_head(other)
    save_tensors({}, other, {"settings": made.settings.model_dump_json()})
    with pytest.raises(BundleError, match="lacks the tensor"):
        load_head(other)


def test_a_bundle_without_one_says_so(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    assert not bundle.has_prediction()
    with pytest.raises(BundleError, match=r"no prediction head \(prediction.safetensors\)"):
        bundle.load_prediction()
