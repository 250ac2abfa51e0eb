"""An export is whole and compared, or absent."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import numpy as safetensors_numpy

from multiprot.errors import ExportError, MultiprotError, OutputExistsError, PluginError
from multiprot.export import ModelExport, export_model, model_export, open_source
from multiprot.export.parity import compare, padded, refuse_beyond, trial_sequences
from multiprot.export.source import content_hash
from multiprot.export.transformers_checkpoint import write_checkpoint
from multiprot.proteins import RESIDUE_LETTERS

pytest.importorskip("transformers")


def test_the_record_says_what_was_measured(
    exported: Callable[[Any], ModelExport], student_folder: Path
) -> None:
    done = exported("transformers")
    told = json.loads((done.path / "export.json").read_text())
    assert told["content_hash"] == open_source(f"student:{student_folder}").content_hash
    assert told["parity"]["tokens"] == done.parity.tokens <= 1e-5
    assert told["config"]["width"] == done.width == 128
    assert {"multiprot", "torch", "transformers"} <= set(told["versions"])
    stored = safetensors_numpy.load_file(done.path / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {np.dtype("float32")}


def test_trial_proteins_are_short_and_long_and_hold_every_letter() -> None:
    sequences = trial_sequences()
    assert {1, 333} <= {len(each) for each in sequences}
    assert set("".join(sequences)) == set(RESIDUE_LETTERS)
    assert "X" in sequences
    assert sequences == trial_sequences()


@pytest.mark.parametrize("wrong", [1e-3, float("nan"), float("inf")])
def test_a_wrong_number_anywhere_is_noticed(source: Any, tmp_path: Path, wrong: float) -> None:
    """Not only in a batch: what is wrong for a protein alone counts as much."""
    right = write_checkpoint(tmp_path, source)

    def run(ids: Any, mask: Any) -> Any:
        tokens, vectors = right(ids, mask)
        if len(ids) == 1 and ids.shape[1] == 19:
            tokens[0, 18, 5] += wrong
        return tokens, vectors

    refuse_beyond(compare(source.trunk, right), 1e-5, "it")
    with pytest.raises(ExportError, match=r"it: differs from the student by .* 1e-05 is allowed"):
        refuse_beyond(compare(source.trunk, run), 1e-5, "it")


def test_an_export_that_differs_is_not_written(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_export, "TRANSFORMERS_BAR", 1e-12)
    with pytest.raises(ExportError, match="export to transformers: differs"):
        export_model(student_folder, tmp_path / "out", "transformers")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "fault", [KeyboardInterrupt(), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))]
)
def test_what_is_stopped_leaves_what_was_there(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    def stop(*given: Any) -> Any:
        raise fault

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    monkeypatch.setattr(model_export, "compare", stop)
    expected = MultiprotError if isinstance(fault, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        export_model(student_folder, tmp_path / "out", "transformers", overwrite=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "mine.txt"]


def test_a_folder_that_is_there_stays(student_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputExistsError):
        export_model(student_folder, tmp_path, "transformers")


def test_what_is_no_student_is_named(tmp_path: Path, student_folder: Path) -> None:
    for name in (str(tmp_path), "nowhere", "student:nowhere"):
        with pytest.raises(ExportError, match=r"holds no student\.json, so it is no student"):
            open_source(name)
    for name in ("student", "residue-transformer"):
        with pytest.raises(ExportError, match=f"{name}: this encoder is no student with weights"):
            open_source(name)
    (tmp_path / "student.json").write_text("{}")
    with pytest.raises(PluginError, match="not the settings of a student"):
        open_source(tmp_path)


def test_the_hash_is_of_what_the_student_says(student_folder: Path) -> None:
    once, again = open_source(student_folder), open_source(student_folder)
    assert once.content_hash == again.content_hash
    again.trunk.norm.weight.data[0] += 1e-3
    assert content_hash(again.trunk, again.config) != once.content_hash


def test_an_installed_student_is_exported_by_name(tmp_path: Path) -> None:
    pytest.importorskip("multiprot_mini")
    done = export_model("mini", tmp_path / "out", "transformers")
    assert done.parity.tokens <= 1e-5
    assert "license: apache-2.0" in (tmp_path / "out" / "README.md").read_text()


def test_padding_is_masked() -> None:
    ids, mask = padded(["AC", "D"])
    assert ids.tolist() == [[0, 1], [2, 27]]
    assert mask.tolist() == [[1, 1], [1, 0]]
