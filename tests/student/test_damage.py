"""Students on disk that are cut, mixed up or made by hand."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from multiprot.embedding import Embedder
from multiprot.errors import MultiprotError, PluginError
from multiprot.proteins import ProteinRecord
from multiprot.student.checkpoint import (
    StudentSettings,
    load_student,
    read_settings,
    save_student,
)
from multiprot.student.config import StudentConfig
from multiprot.student.model import Student

CONFIG = StudentConfig(width=64, layers=1)
SETTINGS = StudentSettings(CONFIG, 512, {"name": "x"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    save_student(tmp_path / "s", Student(CONFIG), SETTINGS, card="# x\n")
    return tmp_path / "s"


def resettled(folder: Path, **changes: Any) -> None:
    path = folder / "student.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.long
@settings(max_examples=15)
@given(
    width=st.integers(1, 3).map(lambda heads: 64 * heads),
    layers=st.integers(1, 3),
    hidden=st.none() | st.integers(1, 99),
    base=st.floats(1.5, 1e6),
    crop=st.none() | st.integers(1, 2000),
)
def test_every_shape_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    width: int,
    layers: int,
    hidden: int | None,
    base: float,
    crop: int | None,
) -> None:
    config = StudentConfig(width=width, layers=layers, feed_forward_width=hidden, rotary_base=base)
    folder = tmp_path_factory.mktemp("shape") / "s"
    told = StudentSettings(config, crop, {})
    made = Student(config)
    save_student(folder, made, told, card="", digests=np.arange(3, dtype=np.uint64))
    assert read_settings(folder) == told
    letters, lengths = torch.arange(9), torch.tensor([4, 5])
    assert torch.equal(load_student(folder)(letters, lengths), made.eval()(letters, lengths))


@pytest.mark.parametrize(
    "changes",
    [
        {"config": []},
        {"config": None},
        {"config": {"width": "64", "layers": 1}},
        {"config": {"width": 64, "layers": 1.5}},
        {"config": {"width": 64, "layers": 1, "heads": 2}},
        {"config": {"width": 64, "layers": 1, "rotary_base": float("inf")}},
        {"crop_residues": "long"},
        {"crop_residues": -1},
        {"crop_residues": True},
        {"provenance": None},
        {"provenance": "by hand"},
        {"format": "multiprot-sequences"},
        {"format_version": 2},
    ],
)
def test_settings_of_a_wrong_type_name_the_file(folder: Path, changes: dict[str, Any]) -> None:
    resettled(folder, **changes)
    with pytest.raises(PluginError, match=r"student\.json: not the settings of a student"):
        read_settings(folder)


@pytest.mark.parametrize("text", ["[]", "null", "", "{", "\xff", '"x"'])
def test_what_is_no_object_is_refused(folder: Path, text: str) -> None:
    (folder / "student.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(PluginError, match=r"student\.json: not the settings of a student"):
        load_student(folder)


@pytest.mark.parametrize("dtype", [torch.int64, torch.float64, torch.float16, torch.bool])
def test_tensors_of_another_type_are_refused(folder: Path, dtype: torch.dtype) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors["trunk.norm.weight"] = tensors["trunk.norm.weight"].to(dtype)
    save_file(tensors, path)
    with pytest.raises(PluginError, match=r"model\.safetensors: tensor trunk\.norm\.weight is"):
        load_student(folder)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_tensors_that_are_no_numbers_give_no_vectors(folder: Path, value: float) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors["trunk.blocks.0.attended.weight"][3, 4] = value
    save_file(tensors, path)
    with pytest.raises(PluginError, match=r"model\.safetensors.*attended\.weight holds NaN"):
        Embedder.open(f"student:{folder}").embed([ProteinRecord(id="a", sequence="MKT")])


@pytest.mark.parametrize("kept", [0, 7, 8, 100, 0.5, 0.999])
def test_a_file_cut_short_is_refused(folder: Path, kept: float) -> None:
    path = folder / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(PluginError, match=r"model\.safetensors: is not a safetensors file"):
        load_student(folder)


def test_a_missing_file_or_folder_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"nowhere: no student\.json in it; give the folder"):
        Embedder.open(f"student:{tmp_path / 'nowhere'}")
    (folder / "model.safetensors").unlink()
    with pytest.raises(PluginError, match=r"model\.safetensors"):
        load_student(folder)


def test_other_files_do_no_harm_and_a_card_is_not_needed(folder: Path) -> None:
    before = load_student(folder).state_dict()
    (folder / "README.md").unlink()
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / "notes").mkdir()
    after = load_student(folder).state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_a_full_disk_keeps_the_former_student(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*given: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "save", full)
    digests = np.zeros(2, dtype=np.uint64)
    with pytest.raises(MultiprotError, match=r"s: No space left on device"):
        save_student(folder, Student(CONFIG), SETTINGS, card="", digests=digests, overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_rounded_tensors_are_the_nearest_of_their_format(folder: Path, tmp_path: Path) -> None:
    made = load_student(folder)
    save_student(tmp_path / "half", made, SETTINGS, card="", precision="bf16")
    again = load_student(tmp_path / "half").state_dict()
    for name, tensor in made.state_dict().items():
        assert again[name].dtype == torch.float32
        assert torch.equal(again[name], tensor.bfloat16().float()), name
    # Rounded once, nothing moves any more.
    save_student(tmp_path / "twice", load_student(tmp_path / "half"), SETTINGS, card="")
    twice = load_student(tmp_path / "twice").state_dict()
    assert all(torch.equal(twice[name], tensor) for name, tensor in again.items())
