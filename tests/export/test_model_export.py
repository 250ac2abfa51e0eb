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
import torch
from safetensors import numpy as safetensors_numpy

from multiprot.bundle import save_bundle
from multiprot.embedding import Embedder
from multiprot.errors import ExportError, MultiprotError, OutputExistsError, PluginError
from multiprot.export import ModelExport, export_model, model_export, open_source
from multiprot.export.parity import compare, padded, refuse_beyond, trial_sequences
from multiprot.export.source import content_hash
from multiprot.export.transformers_checkpoint import write_checkpoint
from multiprot.fusion import ModelConfig
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord
from tests.tiny_model import tiny_model

transformers = pytest.importorskip("transformers")


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


def distilled(folder: Path, **fusion: Any) -> Path:
    """A bundle as `multiprot distill` leaves it."""
    shape = {"residues": "alone", "layers": 0, "pooling": "mean", "width": 64, "shared_dim": 0}
    config = ModelConfig.model_validate(
        {
            "sequence": {"name": "student", "options": {"width": 64, "layers": 1}},
            "fusion": shape | fusion,
        }
    )
    provenance = {"name": "distilled", "licence": "CC0-1.0"}
    return save_bundle(folder, model=tiny_model(config), model_config=config, provenance=provenance)


def test_a_distilled_student_is_exported_from_its_bundle(tmp_path: Path) -> None:
    bundle = distilled(tmp_path / "bundle")
    done = export_model(bundle, tmp_path / "out", "transformers")
    assert done.width == 64
    assert open_source(bundle).weights_license == "CC0-1.0"
    records = [ProteinRecord(id="a", sequence="MKTAYIAKQRX")]
    expected = Embedder.open(bundle).embed(records).vectors[0]
    model = transformers.AutoModel.from_pretrained(tmp_path / "out").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    with torch.inference_mode():
        tokens = model(**tokenizer("MKTAYIAKQRX", return_tensors="pt")).last_hidden_state
    np.testing.assert_allclose(tokens[0].mean(dim=0).numpy(), expected, atol=1e-5)


def test_a_bundle_that_is_more_than_a_student_is_refused(tmp_path: Path) -> None:
    bundle = distilled(tmp_path / "bundle", pooling="norm-softmax")
    with pytest.raises(ExportError, match="only a student can be exported"):
        export_model(bundle, tmp_path / "out", "transformers")
