"""What adapters learnt lies apart from their base, and both together are the model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from multiprot.bundle import format as layout
from multiprot.bundle import load_bundle, save_bundle
from multiprot.bundle.manifest import write_manifest
from multiprot.bundle.weights import adapter_names
from multiprot.encoders.registry import Registry
from multiprot.errors import BundleError
from multiprot.files import sha256
from multiprot.fusion import FusionModel, ModelConfig
from tests.frozen_encoders import registry_with_guests
from tests.tiny_model import CONFIG, tiny_model

pytest.importorskip("peft")

OPTIONS: dict[str, Any] = {"width": 8, "frozen": False, "lora": {"rank": 2}}
ADAPTED = ModelConfig.model_validate(
    {**CONFIG, "go": None, "sequence": {"name": "frozen-letters", "options": OPTIONS}}
)


@pytest.fixture(autouse=True)
def _guests(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = registry_with_guests()
    monkeypatch.setattr(Registry, "discover", classmethod(lambda cls: registry))


def save(path: Path, model: FusionModel, config: ModelConfig = ADAPTED) -> Path:
    return save_bundle(path, model=model, model_config=config, provenance={})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save(tmp_path / "bundle", tiny_model(ADAPTED))


def test_adapters_lie_apart_and_come_back_bit_for_bit(saved: Path) -> None:
    model = tiny_model(ADAPTED)
    names = adapter_names(model)
    assert sorted(names) == [
        "sequence.mix.lora_A.default.weight",
        "sequence.mix.lora_B.default.weight",
    ]
    assert load_file(saved / layout.ADAPTERS).keys() == names
    state = model.state_dict()
    assert load_file(saved / layout.MODEL).keys() == state.keys() - names
    found = load_bundle(saved).model.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())


def test_lock_and_content_hash_know_both_files(saved: Path, tmp_path: Path) -> None:
    bundle = load_bundle(saved)
    assert bundle.lock.weights == sha256(saved / layout.MODEL)
    assert bundle.lock.adapters == sha256(saved / layout.ADAPTERS)
    model = tiny_model(ADAPTED)
    with torch.no_grad():
        model.get_parameter("sequence.mix.lora_B.default.weight").add_(1.0)
    other = save(tmp_path / "other", model)
    assert sha256(other / layout.MODEL) == sha256(saved / layout.MODEL)
    assert load_bundle(other).content_hash != bundle.content_hash


def test_same_base_other_adapters_differ_in_one_small_file(saved: Path) -> None:
    sizes = [(saved / name).stat().st_size for name in (layout.ADAPTERS, layout.MODEL)]
    assert sizes[0] < 0.1 * sizes[1]


def test_without_adapters_there_is_no_such_file(tmp_path: Path) -> None:
    config = ModelConfig.model_validate({**CONFIG, "go": None})
    path = save(tmp_path / "plain", tiny_model(config), config)
    assert not (path / layout.ADAPTERS).exists()
    assert "adapters" not in json.loads((path / layout.LOCK).read_text())
    assert load_bundle(path).lock.adapters is None


def test_bundle_that_has_its_adapters_among_the_rest_still_loads(saved: Path) -> None:
    tensors = {**load_file(saved / layout.MODEL), **load_file(saved / layout.ADAPTERS)}
    save_file(tensors, saved / layout.MODEL)
    (saved / layout.ADAPTERS).unlink()
    lock = json.loads((saved / layout.LOCK).read_text())
    del lock["adapters"]
    relocked(saved, lock)
    state = tiny_model(ADAPTED).state_dict()
    found = load_bundle(saved).model.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.popitem(), r"lacks the tensor sequence\.mix\.lora"),
        (lambda t: t.update(surplus=torch.zeros(1)), "surplus, which is no adapter"),
        (
            lambda t: t.update({"sequence.mix.base_layer.bias": torch.zeros(8)}),
            r"base_layer\.bias, which is no adapter",
        ),
        (
            lambda t: t.update({"sequence.mix.lora_A.default.weight": torch.zeros(3, 8)}),
            r"lora_A\.default\.weight is \[3, 8\]",
        ),
    ],
)
def test_every_tensor_is_accounted_for(saved: Path, change: Any, message: str) -> None:
    tensors = load_file(saved / layout.ADAPTERS)
    change(tensors)
    save_file(tensors, saved / layout.ADAPTERS)
    lock = json.loads((saved / layout.LOCK).read_text())
    with pytest.raises(BundleError, match=message):
        load_bundle(relocked(saved, lock))


def test_tensor_in_both_files_is_refused(saved: Path) -> None:
    tensors = {**load_file(saved / layout.MODEL), **load_file(saved / layout.ADAPTERS)}
    save_file(tensors, saved / layout.MODEL)
    lock = json.loads((saved / layout.LOCK).read_text())
    with pytest.raises(BundleError, match=r"adapters\.safetensors: the tensor .*, too"):
        load_bundle(relocked(saved, lock))


def test_adapters_of_another_bundle_are_refused(saved: Path, tmp_path: Path) -> None:
    other = save(tmp_path / "other", tiny_model(ADAPTED, seed=1))
    shutil.copy(other / layout.ADAPTERS, saved / layout.ADAPTERS)
    with pytest.raises(BundleError, match=r"adapters\.safetensors: altered"):
        load_bundle(saved)
    with pytest.raises(BundleError, match=r"adapters\.safetensors: .* do not belong together"):
        load_bundle(resigned(saved))


def test_missing_adapters_are_noticed(saved: Path) -> None:
    (saved / layout.ADAPTERS).unlink()
    with pytest.raises(BundleError, match=r"adapters\.safetensors: missing"):
        load_bundle(saved)
    with pytest.raises(BundleError, match=r"adapters\.safetensors: .* do not belong together"):
        load_bundle(resigned(saved))


def test_encoder_that_names_what_it_has_not_is_refused(tmp_path: Path) -> None:
    model = tiny_model(ADAPTED)
    assert model.sequence is not None
    model.sequence.adapter_names = frozenset({"nothing.weight"})
    with pytest.raises(BundleError, match=r"sequence\.nothing\.weight: is named as an adapter"):
        save(tmp_path / "wrong", model)
    assert not (tmp_path / "wrong").exists()


def relocked(folder: Path, lock: dict[str, Any]) -> Path:
    """The folder with a lock and a manifest that fit its present tensors."""
    lock["weights"] = sha256(folder / layout.MODEL)
    if "adapters" in lock:
        lock["adapters"] = sha256(folder / layout.ADAPTERS)
    (folder / layout.LOCK).write_text(json.dumps(lock))
    return resigned(folder)


def resigned(folder: Path) -> Path:
    """The folder with a manifest that fits its present files."""
    old = json.loads((folder / layout.BUNDLE.file_name).read_text())
    kept = {key: old[key] for key in ("multiprot_version", "created_with", "content_hash")}
    (folder / layout.BUNDLE.file_name).unlink()
    write_manifest(folder, layout.BUNDLE, kept, [path.name for path in folder.iterdir()])
    return folder
