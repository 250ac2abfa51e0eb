"""Tensors in and out of safetensors."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import torch
from torch import nn

from multiprot.encoders.tensor_files import (
    fill_module,
    load_tensors,
    refuse_non_finite,
    save_tensors,
)
from multiprot.errors import BundleError


def test_values_dtypes_and_metadata_come_back(tmp_path: Path) -> None:
    tensors = {
        "half": torch.randn(3, 4).to(torch.bfloat16),
        "view": torch.randn(6, 4).T,
        "scalar": torch.tensor(3),
        "empty": torch.zeros(0, 5),
        "flag": torch.tensor([True, False]),
    }
    save_tensors(tensors, tmp_path / "x.safetensors", {"a": "b"})
    found, metadata = load_tensors(tmp_path / "x.safetensors")
    assert metadata == {"a": "b"}
    assert set(found) == set(tensors)
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    metadata = {f"key{number}": str(number) for number in range(8)}
    tensors = {name: torch.arange(3) for name in "dacb"}
    for number in range(8):
        save_tensors(tensors, tmp_path / str(number), dict(reversed(metadata.items())))
    assert len({(tmp_path / str(number)).read_bytes() for number in range(8)}) == 1


def test_shared_memory_is_no_obstacle(tmp_path: Path) -> None:
    weight = torch.randn(4, 4)
    save_tensors({"a": weight, "b": weight, "c": weight[1:]}, tmp_path / "x.safetensors")
    found, _ = load_tensors(tmp_path / "x.safetensors")
    assert torch.equal(found["a"], found["b"])
    assert torch.equal(found["c"], weight[1:])


def test_others_may_read_the_file(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    save_tensors({"a": torch.zeros(1)}, tmp_path / "x.safetensors")
    usual = stat.S_IMODE((tmp_path / "usual").stat().st_mode)
    assert stat.S_IMODE((tmp_path / "x.safetensors").stat().st_mode) == usual


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\xff" * 64])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(BundleError, match="is not a safetensors file"):
        load_tensors(tmp_path / "x")


def test_filling_needs_exactly_the_names_shapes_and_dtypes(tmp_path: Path) -> None:
    module, source = nn.Linear(3, 2), tmp_path / "m.safetensors"
    right = {name: torch.randn_like(tensor) for name, tensor in module.state_dict().items()}
    fill_module(module, right, source)
    assert torch.equal(module.weight, right["weight"])
    with pytest.raises(BundleError, match=r"m\.safetensors: lacks the tensor bias \[2\]"):
        fill_module(module, {"weight": right["weight"]}, source)
    with pytest.raises(
        BundleError, match=r"tensor weight is \[2, 4\] float32, .* \[2, 3\] float32"
    ):
        fill_module(module, {**right, "weight": torch.zeros(2, 4)}, source)
    with pytest.raises(BundleError, match=r"tensor bias is \[2\] float64"):
        fill_module(module, {**right, "bias": torch.zeros(2, dtype=torch.float64)}, source)
    with pytest.raises(BundleError, match=r"holds the tensor extra \(and 1 more\)"):
        fill_module(module, {**right, "extra": right["bias"], "more": right["bias"]}, source)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_diverged_model_is_named(value: float) -> None:
    module = nn.Linear(3, 2)
    refuse_non_finite(module, "model")
    with torch.no_grad():
        module.bias[1] = value
    with pytest.raises(BundleError, match="parameter bias holds NaN or infinity"):
        refuse_non_finite(module, "model")
