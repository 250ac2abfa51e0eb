"""Vectors of a task's entries: kept of a frozen model, computed anew of one that learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from multiprot.bundle import PredictionHead, PredictionSettings, load_bundle
from multiprot.embedding import Embedder, EmbedOptions
from multiprot.embedding.models.bundle_model import BundleModel
from multiprot.errors import EvaluationError
from multiprot.evaluation.tasks import Task, load_task
from multiprot.finetuning.batch import VectorBatch
from multiprot.finetuning.frozen import FrozenVectors
from multiprot.finetuning.learner import HeadLearner, ModelLearner
from multiprot.finetuning.learning import let_learn
from multiprot.finetuning.live import LiveVectors
from multiprot.finetuning.live_model import LiveModel
from multiprot.finetuning.loss import TaskLoss
from multiprot.finetuning.rows import Rows, predicted, scored_residues, sequences_of
from multiprot.training.finetune.options import FineTuneOptions
from tests.finetuning.planted import write_task

TYPES = ("regression", "residue_multiclass", "pair_binary", "protein_ligand_binary")
OPTIONS = EmbedOptions(modalities="sequence")
CPU = torch.device("cpu")


def everything(task: Task) -> Any:
    return np.arange(len(task))


@pytest.fixture
def make_frozen(tiny_bundle: Path, tmp_path: Path) -> Any:
    def make(task: Task, options: EmbedOptions = OPTIONS) -> FrozenVectors:
        embedder = Embedder(BundleModel(load_bundle(tiny_bundle), options, CPU), options)
        return FrozenVectors(task, embedder, everything(task), tmp_path / "cache")

    return make


@pytest.fixture
def make_live(tiny_bundle: Path) -> Any:
    def make(task: Task, options: EmbedOptions = OPTIONS) -> tuple[LiveModel, LiveVectors]:
        model = LiveModel(load_bundle(tiny_bundle), options, CPU)
        return model, LiveVectors(task, Embedder(model, options), everything(task))

    return make


@pytest.mark.parametrize("task_type", TYPES)
def test_kept_and_computed_rows_are_the_same(
    make_frozen: Any, make_live: Any, tmp_path: Path, task_type: str
) -> None:
    task = load_task(write_task(tmp_path / "task", task_type))
    entries = np.array([7, 3, 3, 40])
    kept, computed = make_frozen(task).rows(entries), make_live(task)[1].rows(entries)
    assert len(kept) == len(task.labels.rows(entries))
    for name in ("first", "second", "ligand"):
        one, other = getattr(kept, name), getattr(computed, name)
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_allclose(one, other, atol=1e-5)
    assert (kept.second is not None) == (task_type == "pair_binary")
    assert (kept.ligand is not None) == (task_type == "protein_ligand_binary")


@pytest.mark.parametrize("task_type", TYPES)
def test_both_learners_begin_with_the_same_loss(
    make_frozen: Any, make_live: Any, tmp_path: Path, task_type: str
) -> None:
    task = load_task(write_task(tmp_path / "task", task_type))
    named = task.specification.target != "regression"
    torch.manual_seed(1)
    head = PredictionHead(
        PredictionSettings.model_validate(
            {
                "task": "t",
                "unit": task.specification.unit.value,
                "target": task.specification.target.value,
                "class_names": task.labels.names if named else (),
                "width": 24,
                "ligand_bits": 1024 if task.ligands else 0,
            }
        )
    )
    loss = TaskLoss(task, task.entries("train"), balanced=named)
    model, computed = make_live(task)
    entries = np.array([2, 11, 40, 17])
    known = HeadLearner(head, loss).loss(make_frozen(task).batch(entries))
    parts = let_learn(model.bundle.model, FineTuneOptions(mode="full"), "tiny", structures=False)
    learning = ModelLearner(head, loss, model, parts).eval()
    found = learning.loss(computed.batch(entries))
    assert float(found.detach()) == pytest.approx(float(known.detach()), rel=1e-4)
    found.backward()
    assert any(p.grad is not None for p in model.bundle.model.parameters())


def test_a_batch_goes_to_a_device_whole(make_frozen: Any, tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path / "task", "pair_binary"))
    batch: VectorBatch = make_frozen(task).batch(np.array([1, 2]))
    moved = batch.to(torch.device("meta"))
    assert moved.ids == ("e1", "e2")
    assert moved.first.is_meta
    assert moved.second is not None
    assert moved.second.is_meta
    assert moved.labels.is_meta
    assert moved.ligand is None
    assert not batch.first.is_meta


def test_proteins_of_a_batch_go_to_a_device_whole(make_live: Any, tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path / "task", "residue_binary"))
    batch = make_live(task)[1].batch(np.array([1, 2])).to(torch.device("meta"))
    assert batch.features.residues.is_meta
    assert batch.joining.owners.is_meta
    assert batch.joining.by_residue
    assert batch.first.is_meta


def test_what_was_computed_once_is_not_computed_again(
    make_frozen: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = load_task(write_task(tmp_path / "task", "residue_binary"))
    first = make_frozen(task).rows(everything(task)).first

    def computing(*given: Any, **named: Any) -> None:
        pytest.fail("computed again")

    monkeypatch.setattr(BundleModel, "forward", computing)
    assert np.array_equal(make_frozen(task).rows(everything(task)).first, first)


@pytest.mark.parametrize("kind", ["frozen", "live"])
def test_a_refused_protein_is_named_by_its_entry(
    make_frozen: Any, make_live: Any, tmp_path: Path, kind: str
) -> None:
    task = load_task(write_task(tmp_path / "task", "pair_binary"))
    longest = max(range(len(task)), key=lambda row: len(task.sequences[1][row]))
    limit = len(task.sequences[1][longest]) - 1
    options = OPTIONS.model_copy(update={"long_proteins": "refuse", "max_residues": limit})
    make = make_frozen if kind == "frozen" else make_live
    with pytest.raises(EvaluationError, match=r"task: the model refuses .*entry e\d+.* residues"):
        make(task, options)


def test_ignored_residues_have_no_row(make_frozen: Any, tmp_path: Path) -> None:
    folder = write_task(tmp_path / "task", "residue_binary", ignore_label="-")
    lines = (folder / "data.csv").read_text().splitlines()
    cells = lines[1].split(",")
    cells[2] = "--" + cells[2][2:]
    lines[1] = ",".join(cells)
    (folder / "data.csv").write_text("\n".join(lines) + "\n")
    task = load_task(folder)
    assert scored_residues(task, 0).tolist()[:3] == [False, False, True]
    vectors = make_frozen(task)
    length = len(task.sequences[0][0])
    assert len(vectors.rows(np.array([0]))) == length - 2
    batch = vectors.batch(np.array([0, 1]))
    assert len(batch.first) == len(batch.labels) == length - 2 + len(task.sequences[0][1])


def test_sequences_are_listed_once(tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path / "task", "pair_binary"))
    found = sequences_of(task, np.array([4, 4, 2]))
    expected = [task.sequences[c][r] for r in (4, 2) for c in (0, 1)]
    assert found == list(dict.fromkeys(expected))


def test_predictions_do_not_depend_on_how_rows_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = PredictionSettings(
        task="t", unit="protein", target="multiclass", class_names=("a", "b"), width=3, dropout=0.5
    )
    torch.manual_seed(0)
    head = PredictionHead(settings).train()
    rows = Rows(first=np.random.default_rng(0).normal(size=(11, 3)).astype(np.float32))
    whole = predicted(head, rows)
    monkeypatch.setattr("multiprot.finetuning.rows._AT_ONCE", 4)
    assert np.array_equal(predicted(head, rows), whole)
    single = [predicted(head, Rows(first=rows.first[n : n + 1]))[0] for n in range(11)]
    np.testing.assert_allclose(single, whole, rtol=1e-12)
    # What learns is left as it is: in float32, and in training.
    assert head.training
    assert head.center.dtype == torch.float32
    assert predicted(head, Rows(first=rows.first[:0])).shape == (0, 2)
