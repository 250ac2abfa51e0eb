"""Whole runs: what they leave, what they refuse, and that they learn."""

from __future__ import annotations

import errno
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from multiprot.bundle import load_bundle
from multiprot.config import ResolvedConfig
from multiprot.data import Corpus
from multiprot.errors import ConfigError, DataError, MultiprotError, TrainingError
from multiprot.files import atomic_file
from multiprot.objectives import TotalObjective
from multiprot.training import checkpoint_files
from multiprot.training.checkpoint_files import list_checkpoints
from multiprot.training.config import PretrainConfig
from multiprot.training.logs import read_table
from multiprot.training.module import PretrainModule
from multiprot.training.run import pretrain

Recipe = Callable[..., ResolvedConfig[PretrainConfig]]


def test_run_leaves_all_it_should_and_the_bundle_is_the_average(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    results = pretrain(recipe(), tmp_path / "run")
    run = tmp_path / "run"
    assert {path.name for path in run.iterdir()} == {
        "bundle", "checkpoints", "config.yaml", "logs", "results.json", "run.json",
    }  # fmt: skip
    assert [p.name for p in list_checkpoints(run / "checkpoints")] == [
        "step-00000015.ckpt",
        "step-00000020.ckpt",
    ]
    assert [row["step"] for row in read_table(run / "logs" / "valid.csv")] == ["0", "8", "16"]
    steps = [row["step"] for row in read_table(run / "logs" / "train.csv")]
    assert steps == ["4", "8", "12", "16", "20"]
    assert any((run / "logs" / "tensorboard").glob("events.*"))
    assert json.loads((run / "results.json").read_text()) == results.to_json()
    bundle = load_bundle(run / "bundle")
    assert bundle.provenance["corpus"]["content_hash"] == corpus.content_hash
    training = bundle.provenance["training"]
    assert training["seconds"] > 0
    assert all(str(training[fact]) in bundle.card for fact in ("command", "machine", "date"))
    assert bundle.has_readout()
    assert bundle.load_objectives().weights["token-alignment"] == 0.5
    last = torch.load(run / "checkpoints" / "step-00000020.ckpt", weights_only=True)
    average = last["callbacks"]["WeightAverage"]["average"]
    weights = dict(bundle.model.named_parameters())
    assert all(torch.equal(average[f"model.{name}"], weights[name]) for name in weights)


@pytest.mark.parametrize("batches", [None, 1])
def test_how_much_the_last_look_takes(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batches: int | None
) -> None:
    seen: list[int] = []
    look = PretrainModule.validation_step

    def counted(module: PretrainModule, batch: Any, batch_idx: int) -> None:
        seen.append(len(batch.ids))
        look(module, batch, batch_idx)

    monkeypatch.setattr(PretrainModule, "validation_step", counted)
    small = ("trainer.max_steps=2", "trainer.validation_batches=1", "batch.tokens_per_batch=128")
    last = "null" if batches is None else str(batches)
    config = recipe(*small, f"trainer.last_validation_batches={last}")
    pretrain(config, tmp_path / "run")
    before, *after = seen
    assert before == after[0]
    assert len(after) == 1 if batches else len(after) > 1


def test_training_teaches(recipe: Recipe, tmp_path: Path) -> None:
    results = pretrain(recipe("trainer.max_steps=40"), tmp_path / "run")
    rows = {row.name: row for row in results.rows}
    assert rows["loss"].end < 0.9 * rows["loss"].start
    assert rows["go-annotation/loss"].end < rows["go-annotation/loss"].baseline
    assert results.timing["residues_per_second"] > 0


@pytest.mark.parametrize(
    "overrides",
    [
        ("trainer.precision=bf16-mixed",),
        ("model.structure=null", "objectives=[{name: masked-residue}]", "model.go=null"),
        ("model.sequence=null", "objectives=[{name: go-contrast}]"),
        ("batch.go_candidates=batch", "batch.workers=1", "averaging.decay=null"),
    ],
    ids=["bf16", "sequence-only", "structure-only", "batch-candidates"],
)
def test_other_shapes_of_model_and_batch_train_too(
    recipe: Recipe, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    results = pretrain(recipe("trainer.max_steps=3", *overrides), tmp_path / "run")
    assert results.steps == 3
    assert all(
        p.dtype == torch.float32 for p in load_bundle(tmp_path / "run/bundle").model.parameters()
    )


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make the loss of masked-residue NaN in the n-th train batch and later."""
    original = TotalObjective.forward
    seen = {"batches": 0}

    def poison(number: int) -> None:
        def forward(self: TotalObjective, outputs: Any, batch: Any) -> Any:
            result = original(self, outputs, batch)
            seen["batches"] += int(self.training)
            if not self.training or seen["batches"] < number:
                return result
            part = result.results["masked-residue"]
            bad = type(part)(part.loss * float("nan"), part.weight, part.metrics)
            return type(result)(result.loss + bad.loss, {**result.results, "masked-residue": bad})

        monkeypatch.setattr(TotalObjective, "forward", forward)

    return poison


@pytest.mark.parametrize("number", [1, 7])
def test_nan_stops_with_names_and_touches_neither_weights_nor_checkpoints(
    recipe: Recipe, tmp_path: Path, poisoned: Callable[[int], None], number: int
) -> None:
    poisoned(number)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(
        TrainingError, match=rf"step {number}: loss of masked-residue is nan.*family"
    ):
        pretrain(recipe(), tmp_path / "run")
    checkpoints = list_checkpoints(tmp_path / "run" / "checkpoints")
    assert len(checkpoints) == (number > 5)
    for path in checkpoints:
        weights = torch.load(path, weights_only=True)["state_dict"].values()
        assert all(weight.isfinite().all() for weight in weights if weight.is_floating_point())
    assert not (tmp_path / "run" / "bundle").exists()
    assert signal.getsignal(signal.SIGINT) is before


def test_full_disk_keeps_the_older_checkpoint(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> Any:
        if path.name == "step-00000010.ckpt":
            raise MultiprotError(f"{path}: {errno.errorcode[errno.ENOSPC]}")
        return atomic_file(path)

    monkeypatch.setattr(checkpoint_files, "atomic_file", full)
    with pytest.raises(TrainingError, match=r"checkpoint not written.*ENOSPC.*--resume"):
        pretrain(recipe(), tmp_path / "run")
    monkeypatch.undo()
    assert [p.name for p in list_checkpoints(tmp_path / "run" / "checkpoints")] == [
        "step-00000005.ckpt"
    ]
    assert pretrain(recipe(), tmp_path / "run", resume=True).steps == 20


def test_wrong_corpus_is_one_clear_error(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere.*multiprot data build"):
        pretrain(recipe(f"corpus.path={tmp_path}/nowhere"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_model_that_does_not_fit_leaves_no_folder(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises((ConfigError, MultiprotError)):
        pretrain(recipe("model.go=null"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_gpu_that_is_not_there(recipe: Recipe, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(TrainingError, match=r"trainer: this machine cannot.*gpu"):
        pretrain(recipe("trainer.accelerator=gpu"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_synthetic_corpus_is_generated_into_the_run(recipe: Recipe, tmp_path: Path) -> None:
    resolved = recipe(
        "corpus.path=null", "corpus.synthetic={families: 4, proteins_per_family: 8}",
        "trainer.max_steps=2",
    )  # fmt: skip
    pretrain(resolved, tmp_path / "run")
    assert len(Corpus.open(tmp_path / "run" / "corpus")) == 32
