"""What the model gives while it learns is what it gives when it embeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multiprot.bundle import load_bundle
from multiprot.data.windows import merge_residues, plan_windows
from multiprot.embedding import Embedder, EmbedOptions
from multiprot.embedding.windows import merge_vectors
from multiprot.evaluation.tasks import load_task
from multiprot.finetuning.joining import Joining
from multiprot.finetuning.learner import ModelLearner
from multiprot.finetuning.learning import let_learn
from multiprot.finetuning.live import LiveVectors
from multiprot.finetuning.live_model import LiveModel
from multiprot.training.finetune.options import FineTuneOptions
from tests.finetuning.planted import write_task
from tests.tiny_model import MAX_RESIDUES

OPTIONS = EmbedOptions(modalities="sequence", window_overlap=16)


def live(tiny_bundle: Path, folder: Path, task_type: str) -> tuple[LiveModel, LiveVectors]:
    """The tiny model on a task that holds a protein of several windows, twice."""
    task_folder = write_task(folder / "task", task_type)
    text = (task_folder / "data.csv").read_text()
    giant = "KLDEV" * (MAX_RESIDUES // 2)
    label = "1" * len(giant) if task_type.startswith("residue") else "1"
    text += "".join(f"giant{n},{giant},{label},train\n" for n in range(2))
    (task_folder / "data.csv").write_text(text)
    task = load_task(task_folder)
    model = LiveModel(load_bundle(tiny_bundle), OPTIONS, torch.device("cpu"))
    return model, LiveVectors(task, Embedder(model, OPTIONS), np.arange(len(task)))


@pytest.mark.parametrize("task_type", ["binary", "residue_binary"])
def test_batches_give_the_vectors_of_embedding(
    tiny_bundle: Path, tmp_path: Path, task_type: str
) -> None:
    model, vectors = live(tiny_bundle, tmp_path, task_type)
    entries = np.array([60, 3, 17, 61, 5])
    batch = vectors.batch(entries)
    outputs = model.outputs(batch.features, residues=batch.joining.by_residue)
    joined = batch.joining(outputs.vectors, outputs.tokens)
    found = joined.index_select(0, batch.first).detach().numpy()
    expected = vectors.rows(entries).first
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert len(batch.labels) == len(found)
    assert batch.ids[0] == "giant0"


def test_pairs_look_up_each_sequence_once(tiny_bundle: Path, tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path / "task", "pair_binary"))
    model = LiveModel(load_bundle(tiny_bundle), OPTIONS, torch.device("cpu"))
    vectors = LiveVectors(task, Embedder(model, OPTIONS), np.arange(len(task)))
    entries = np.array([4, 9, 4])
    batch = vectors.batch(entries)
    assert batch.joining.count == 4
    assert batch.second is not None
    rows = vectors.rows(entries)
    assert rows.second is not None
    outputs = model.outputs(batch.features, residues=False)
    joined = batch.joining(outputs.vectors, None)
    second = joined.index_select(0, batch.second).detach().numpy()
    np.testing.assert_allclose(second, rows.second, atol=1e-5)


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=4),
    limit=st.integers(5, 30),
    by_residue=st.booleans(),
)
def test_joining_is_that_of_embedding(lengths: list[int], limit: int, by_residue: bool) -> None:
    rng = np.random.default_rng(sum(lengths))
    windows = [plan_windows(length, limit, 3) for length in lengths]
    sizes = [stop - start for parts in windows for start, stop in parts]
    tokens = rng.normal(size=(len(sizes), max(sizes), 2)).astype(np.float32)
    vectors = rng.normal(size=(len(sizes), 2)).astype(np.float32)
    joining = Joining.of(windows, by_residue=by_residue)
    found = joining(torch.from_numpy(vectors), torch.from_numpy(tokens)).numpy()
    expected: list[Any] = []
    begin = 0
    for parts in windows:
        pieces = range(begin, begin + len(parts))
        if by_residue:
            expected += [*merge_residues([tokens[p][: sizes[p]] for p in pieces], parts)]
        else:
            masks = [np.ones(sizes[p], bool) for p in pieces]
            merged = merge_vectors([vectors[p] for p in pieces], masks, parts, unit=False)
            expected.append(merged)
        begin += len(parts)
    np.testing.assert_allclose(found, np.array(expected), atol=1e-5)


@pytest.mark.parametrize("task_type", ["binary", "residue_binary"])
def test_a_look_does_not_spoil_the_next_step(
    tiny_bundle: Path, tmp_path: Path, task_type: str
) -> None:
    """Tables that an encoder makes while it is only looked at must bear gradients later."""
    model, vectors = live(tiny_bundle, tmp_path, task_type)
    vectors.rows(np.arange(5))
    batch = vectors.batch(np.array([60, 3]))
    outputs = model.outputs(batch.features, residues=batch.joining.by_residue)
    batch.joining(outputs.vectors, outputs.tokens).sum().backward()
    sequence = model.bundle.model.sequence
    assert sequence is not None
    assert all(p.grad is not None for p in sequence.parameters())


def test_only_what_a_mode_names_learns(tiny_bundle: Path) -> None:
    model = LiveModel(load_bundle(tiny_bundle), OPTIONS, torch.device("cpu"))
    let_learn(model.bundle.model, FineTuneOptions(mode="full"), "tiny", structures=False)
    learning = {
        n.split(".")[0] for n, p in model.bundle.model.named_parameters() if p.requires_grad
    }
    assert "sequence" in learning
    assert learning.isdisjoint({"structure", "go", "project_go", "project_protein"})


def test_dropout_of_what_does_not_learn_stays_off(tiny_bundle: Path) -> None:
    model = LiveModel(load_bundle(tiny_bundle), OPTIONS, torch.device("cpu"))
    head: Any = torch.nn.Linear(2, 2)
    loss: Any = torch.nn.Identity()
    network = model.bundle.model
    assert network.sequence is not None
    full = let_learn(network, FineTuneOptions(mode="full"), "tiny", structures=False)
    ModelLearner(head, loss, model, full).train()
    assert network.sequence.training
    assert network.pool.training
    assert network.structure is not None
    assert not network.structure.training
    parts = FineTuneOptions(mode="parts", learns=("sequence",))
    alone = let_learn(network, parts, "tiny", structures=False)
    ModelLearner(head, loss, model, alone).train()
    assert network.sequence.training
    assert not network.pool.training
