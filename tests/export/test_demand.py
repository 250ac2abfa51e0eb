"""A distilled student is exported with the card that tells what it keeps, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from multiprot.bundle import save_bundle
from multiprot.cli.main import main
from multiprot.errors import ExportError, FidelityError
from multiprot.export import FidelityDemand, export_model
from multiprot.fidelity import student_hash
from multiprot.fidelity.card import FidelityCard
from multiprot.fusion import ModelConfig
from tests.fidelity.cards import card, model, teacher
from tests.tiny_model import tiny_model

pytest.importorskip("transformers")

SHAPE = {"residues": "alone", "layers": 0, "pooling": "mean", "width": 64, "shared_dim": 0}


@pytest.fixture(scope="module")
def distilled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = {"width": 64, "layers": 1}
    sections = {"sequence": {"name": "student", "options": options}, "fusion": SHAPE}
    config = ModelConfig.model_validate(sections)
    taught_by = {"fused": {"model": {"source": "runs/massa/bundle", "content_hash": "abc"}}}
    folder = tmp_path_factory.mktemp("student") / "bundle"
    provenance = {"name": "distilled", "teachers": taught_by}
    return save_bundle(folder, model=tiny_model(config), model_config=config, provenance=provenance)


def written(folder: Path, made: FidelityCard, student: Path | None = None) -> Path:
    """The card, of `student` if one is given."""
    told: dict[str, Any] = json.loads(made.model_dump_json())
    if student is not None:
        told["student"] = json.loads(
            model("pupil", content_hash=student_hash(student)).model_dump_json()
        )
    folder.mkdir()
    (folder / "fidelity.json").write_text(json.dumps(told))
    (folder / "fidelity.html").write_text("<p>page</p>")
    return folder


def test_without_a_card_nothing_is_written(distilled: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"--teacher runs/massa/bundle .*then give --card CARD"):
        export_model(distilled, tmp_path / "out", "transformers")
    assert not (tmp_path / "out").exists()


def test_the_card_goes_along(distilled: Path, tmp_path: Path) -> None:
    folder = written(tmp_path / "card", card(teacher("one", 0.98)), distilled)
    command = ["export", str(distilled), "--to", "transformers", "--out", str(tmp_path / "out")]
    assert main([*command, "--card", str(folder), "--min-retained", "0.97"]) == 0
    for name in ("fidelity.json", "fidelity.html"):
        assert (tmp_path / "out" / name).read_text() == (folder / name).read_text()


def test_below_the_bar_nothing_is_written(distilled: Path, tmp_path: Path) -> None:
    folder = written(tmp_path / "card", card(teacher("one", 0.96)), distilled)
    with pytest.raises(FidelityError, match=r"retains 0\.960 .* less than 0\.97"):
        export_model(
            distilled, tmp_path / "out", "transformers", demand=FidelityDemand(folder, 0.97)
        )
    assert not (tmp_path / "out").exists()
    done = export_model(distilled, tmp_path / "out", "transformers", demand=FidelityDemand(folder))
    assert (done.path / "fidelity.json").is_file()


def test_the_card_of_another_student_is_refused(distilled: Path, tmp_path: Path) -> None:
    folder = written(tmp_path / "card", card(teacher("one", 0.98)))
    with pytest.raises(FidelityError, match="not of the student that is given"):
        export_model(distilled, tmp_path / "out", "transformers", demand=FidelityDemand(folder))


def test_a_bar_needs_a_card(
    distilled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", str(distilled), "--to", "onnx", "--out", str(tmp_path / "out")]
    assert main([*command, "--min-retained", "0.97"]) == 2
    assert "--min-retained 0.97 is held against a fidelity card" in capsys.readouterr().err


def test_vectors_take_no_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["export", str(tmp_path), "--out", str(tmp_path / "v.npz"), "--card", "x"]
    assert main(command) == 2
    assert "--card x is for the export of a model" in capsys.readouterr().err
