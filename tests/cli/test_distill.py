"""`multiprot teach` and `multiprot distill`: from a model to a student of its vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from multiprot.bundle import load_bundle
from multiprot.cli.distill import with_student
from multiprot.cli.main import main
from multiprot.data import Corpus, SyntheticOptions, make_synthetic_corpus
from multiprot.embedding import Embedder, EmbeddingStore
from multiprot.embedding.models.encoder_model import EncoderModel
from multiprot.proteins import read_fasta, write_fasta
from tests.tiny_model import save_tiny_bundle


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    options = SyntheticOptions(families=4, proteins_per_family=6)
    return make_synthetic_corpus(tmp_path_factory.mktemp("corpus") / "corpus", options=options)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("teacher") / "bundle")


@pytest.fixture
def recipe(corpus: Corpus, teacher: Path, tmp_path: Path) -> Path:
    written: dict[str, Any] = {
        "name": "small",
        "corpus": {"path": str(corpus.path)},
        "teachers": {"tiny": {"model": str(teacher), "store": str(tmp_path / "tiny")}},
        "model": {
            "sequence": {
                "name": "residue-transformer",
                "options": {"width": 16, "layers": 1, "heads": 2},
            },
            "fusion": {"residues": "alone", "layers": 0, "pooling": "mean", "width": 16},
        },
        "objectives": [{"name": "distill-cosine"}],
        "batch": {"tokens_per_batch": 1000, "crop_residues": 200},
        "optimizer": {"peak_lr": 3e-3},
        "schedule": {"warmup_steps": 5},
        "averaging": {"decay": None},
        "trainer": {"max_steps": 40, "validate_every": 20, "accelerator": "cpu"},
    }
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(written))
    return path


def loss_rows(run: Path) -> dict[str, dict[str, float]]:
    rows = json.loads((run / "results.json").read_text())["rows"]
    return {row["name"]: row for row in rows}


def test_teach_then_distill_then_embed(
    recipe: Path, corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["teach", str(recipe)]) == 0
    assert f"tiny: {len(corpus):,} proteins in {tmp_path / 'tiny'}" in capsys.readouterr().out
    assert set(EmbeddingStore.open(tmp_path / "tiny").ids) == set(corpus.ids)
    assert main(["distill", str(recipe), "--out", str(tmp_path / "run")]) == 0
    loss = loss_rows(tmp_path / "run")["distill-cosine/loss"]
    assert loss["end"] < 0.7 * loss["start"]

    bundle = load_bundle(tmp_path / "run" / "bundle")
    told = bundle.provenance["teachers"]["tiny"]
    assert told["share_known"] == {"train": 1.0, "valid": 1.0}
    assert told["model"]["content_hash"]
    assert "tiny" in bundle.card
    embedder = Embedder.open(tmp_path / "run" / "bundle")
    assert isinstance(embedder.model, EncoderModel)
    assert np.isfinite(embedder.embed(corpus.read([0, 1])).vectors).all()


def test_teaching_again_computes_nothing(
    recipe: Path, corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["teach", str(recipe), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tiny"]["computed"] == len(corpus)
    assert main(["teach", str(recipe), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tiny"]["computed"] == 0


def test_generated_corpora_can_be_taught_ahead(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run generates its proteins again, at another place."""
    written = yaml.safe_load(recipe.read_text())
    written["corpus"] = {"synthetic": {"families": 3, "proteins_per_family": 4}}
    recipe.write_text(yaml.safe_dump(written))
    assert main(["teach", str(recipe)]) == 0
    assert main(["teach", str(recipe)]) == 0
    command = ["distill", str(recipe), "--out", str(tmp_path / "run"), "trainer.max_steps=2"]
    assert main(command) == 0


def test_a_model_without_a_store_is_asked_live(recipe: Path, tmp_path: Path) -> None:
    command = ["distill", str(recipe), "--out", str(tmp_path / "run"), "teachers.tiny.store=null"]
    assert main([*command, "trainer.max_steps=4", "trainer.validate_every=4"]) == 0


def test_live_and_stored_teachers_train_the_same_student(recipe: Path, tmp_path: Path) -> None:
    assert main(["teach", str(recipe)]) == 0
    few = ["trainer.max_steps=4", "trainer.validate_every=4"]
    for name, more in (("stored", []), ("live", ["teachers.tiny.store=null"])):
        assert main(["distill", str(recipe), "--out", str(tmp_path / name), *few, *more]) == 0
    mine, theirs = (
        loss_rows(tmp_path / name)["distill-cosine/loss"] for name in ("stored", "live")
    )
    assert mine["end"] == pytest.approx(theirs["end"], abs=1e-4)


def test_a_list_of_stores_and_another_student(
    recipe: Path, teacher: Path, corpus: Corpus, tmp_path: Path
) -> None:
    """Stores of `multiprot embed`, of other widths, one of which lacks half of the proteins."""
    records = corpus.read(range(len(corpus)))
    write_fasta(records[::2], tmp_path / "half.fasta")
    for out, inputs, more in (
        ("whole", str(corpus.path), []),
        ("half", str(tmp_path / "half.fasta"), ["--space", "protein", "--use", "sequence"]),
    ):
        command = ["embed", inputs, "--model", str(teacher), "--out", str(tmp_path / out)]
        assert main([*command, *more]) == 0
    assert len(list(read_fasta(tmp_path / "half.fasta"))) == (len(corpus) + 1) // 2
    stores = f"teachers=[{tmp_path / 'whole'}, {tmp_path / 'half'}]"
    student = "student={name: residue-transformer, options: {width: 16, layers: 2, heads: 2}}"
    command = ["distill", str(recipe), "--out", str(tmp_path / "run"), stores, student]
    assert main([*command, "trainer.max_steps=2", "trainer.validate_every=2"]) == 0
    bundle = load_bundle(tmp_path / "run" / "bundle")
    shares = {name: each["share_known"] for name, each in bundle.provenance["teachers"].items()}
    assert shares["whole"] == {"train": 1.0, "valid": 1.0}
    assert 0.2 < shares["half"]["train"] < 0.8
    assert bundle.config.sequence is not None
    assert bundle.config.sequence.options["layers"] == 2


def test_resuming_goes_on_and_another_teacher_is_refused(
    recipe: Path, corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["teach", str(recipe)]) == 0
    run = str(tmp_path / "run")
    assert main(["distill", str(recipe), "--out", run, "trainer.max_steps=2"]) == 0
    assert main(["distill", "--resume", "--out", run, "trainer.max_steps=4"]) == 0
    other = save_tiny_bundle(tmp_path / "other", seed=1)
    command = ["embed", str(corpus.path), "--model", str(other), "--out", str(tmp_path / "tiny")]
    assert main([*command, "--overwrite"]) == 0
    capsys.readouterr()
    assert main(["distill", "--resume", "--out", run, "trainer.max_steps=6"]) == 2
    assert "cannot resume: teachers was" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("teachers={}", "no teachers; add teachers=[STORE]"),
        ("teachers=[nowhere]", "no such folder; make it with `multiprot teach"),
        ("objectives.0.name=masked-residue", "teachers tiny: no objective learns from them"),
    ],
)
def test_what_is_missing_is_told(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], override: str, told: str
) -> None:
    live = "teachers.tiny.store=null"
    command = ["distill", str(recipe), "--out", str(tmp_path / "run"), live, override]
    assert main(command) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_teachers_without_models_cannot_be_made(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["teach", str(recipe), "teachers=[somewhere]"]) == 2
    assert "no teacher has a model to embed with and a store" in capsys.readouterr().err


def test_the_student_is_short_for_the_models_sequence_encoder() -> None:
    given = ["a.yaml", "student=mini", "student.options.freeze=1", "student={name: mini}", "seed=1"]
    assert with_student(given) == [
        "a.yaml",
        "model.sequence.name=mini",
        "model.sequence.options.freeze=1",
        "model.sequence={name: mini}",
        "seed=1",
    ]
