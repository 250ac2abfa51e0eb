"""Numbers of a student's training beside those that a few lines give."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from multiprot.config import ResolvedConfig
from multiprot.data.sequences import SequenceBuildOptions, SequenceShards, build_sequences
from multiprot.errors import DataError, TrainingError
from multiprot.proteins import RESIDUE_LETTERS
from multiprot.student.checkpoint import load_student
from multiprot.training.checkpoint_files import checkpoint_path
from multiprot.training.logs import read_table
from multiprot.training.masked.config import MaskedConfig
from multiprot.training.masked.data import MaskedData
from multiprot.training.masked.loss import NAME
from multiprot.training.masked.rehearse import rehearse_masked
from multiprot.training.masked.session import build_student, perplexity_row
from multiprot.training.results import Results
from multiprot.training.run import pretrain
from multiprot.training.schedule import learning_rate_share
from multiprot.training.settings import ScheduleConfig
from tests.training.compare import equal, state

RECIPE: dict[str, Any] = {
    "model": {"width": 64, "layers": 1},
    "batch": {"tokens_per_batch": 256, "crop_residues": 40},
    "optimizer": {"peak_lr": 5e-3},
    "schedule": {"warmup_steps": 2},
    "averaging": {"decay": None},
    "trainer": {"max_steps": 4, "log_every": 1, "accelerator": "cpu"},
}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def recipe(shards: SequenceShards, **more: Any) -> ResolvedConfig[MaskedConfig]:
    tree = {**RECIPE, "sequences": str(shards.path), **more}
    for section in ("trainer", "batch"):
        tree[section] = {**RECIPE[section], **more.get(section, {})}
    return ResolvedConfig(MaskedConfig.model_validate(tree), {})


def trained(shards: SequenceShards, run: Path, **more: Any) -> dict[str, Tensor]:
    pretrain(recipe(shards, **more), run)
    weights: dict[str, Tensor] = load_student(run / "model").state_dict()
    return weights


def rebuilt(tmp_path: Path, name: str, **options: Any) -> SequenceShards:
    """The sequences of the fixture, stored in another way."""
    given = {"splits": tmp_path / "splits.tsv", **options}
    chosen = SequenceBuildOptions.model_validate(given)
    return build_sequences([tmp_path / "all.fasta"], chosen, tmp_path / name)


@pytest.mark.parametrize("how", [{"five_bits": True}, {"shard_residues": 50}])
def test_how_residues_are_stored_changes_no_weight(
    shards: SequenceShards, tmp_path: Path, how: dict[str, Any]
) -> None:
    other = rebuilt(tmp_path, "other", **how)
    one = trained(shards, tmp_path / "one")
    assert equal(one, trained(other, tmp_path / "two"))
    assert not equal(one, build_student(recipe(shards).value, shards)[0].state_dict())


def test_workers_change_no_weight(shards: SequenceShards, tmp_path: Path) -> None:
    one = trained(shards, tmp_path / "none")
    assert equal(one, trained(shards, tmp_path / "two", batch={"workers": 2}))


def test_frequencies_are_those_of_all_letters(shards: SequenceShards) -> None:
    split = shards.split("train")
    text = "".join(split.sequence(number) for number in range(len(split)))
    assert split.letter_counts().tolist() == [text.count(letter) for letter in RESIDUE_LETTERS]


def test_loss_and_metrics_are_means_over_hidden_residues(shards: SequenceShards) -> None:
    config = recipe(shards).value
    student, module = build_student(config, shards)
    batch = MaskedData(shards, config).batches("train")[0][2]
    result = module.objectives(module.model(batch), batch)
    guesses = student(batch.letters, batch.lengths)[batch.hidden]
    torch.testing.assert_close(result.loss, functional.cross_entropy(guesses, batch.targets))
    counts = torch.from_numpy(shards.split("train").letter_counts())
    shares = (counts / counts.sum())[:20].clamp(min=1e-4)
    shares = shares / shares.sum()
    metrics = result.results[NAME].metrics
    # Before any step guesses are not far from frequencies alone.
    expected = torch.stack([-shares[target].log() for target in batch.targets]).mean()
    torch.testing.assert_close(metrics["baseline_loss"], expected)
    right = (guesses.argmax(1) == batch.targets).float().mean()
    torch.testing.assert_close(metrics["accuracy"], right)
    assert float(metrics["baseline_accuracy"]) == pytest.approx(
        float((batch.targets == shares.argmax()).float().mean())
    )


def test_nothing_of_what_is_hidden_reaches_a_guess(shards: SequenceShards) -> None:
    """With every hidden residue masked, no target can be read from the input."""
    masking = {"rate": 0.3, "substitute_share": 0, "keep_share": 0}
    config = recipe(shards, masking=masking).value
    student, _ = build_student(config, shards)
    batch = MaskedData(shards, config).batches("train")[0][0]
    assert len(set(batch.letters[batch.hidden].tolist())) == 1
    letters = batch.letters.clone().requires_grad_(False)
    before = student(letters, batch.lengths)
    letters[batch.hidden[0]] = 5
    assert not torch.equal(student(letters, batch.lengths), before)


def test_accumulated_gradients_are_those_of_all_batches(
    shards: SequenceShards, tmp_path: Path
) -> None:
    """One step over two batches moves weights as the mean of both losses does."""
    config = recipe(shards, trainer={"max_steps": 1, "accumulate": 2}).value
    _, module = build_student(config, shards)
    batches = MaskedData(shards, config).batches("train")[0]
    losses = [module.objectives(module.model(b), b).loss for b in (batches[0], batches[1])]
    (sum(losses) / 2).backward()
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    norm = math.sqrt(sum(float(gradient.square().sum()) for gradient in gradients))
    pretrain(ResolvedConfig(config, {}), tmp_path / "run")
    row = read_table(tmp_path / "run" / "logs" / "train.csv")[0]
    assert float(row["gradient_norm"]) == pytest.approx(norm, rel=1e-4)


def test_an_accumulated_run_takes_the_batches_of_a_longer_one(
    shards: SequenceShards, tmp_path: Path
) -> None:
    longer = {"max_steps": 6, "checkpoint_every_steps": 3, "accumulate": 2}
    level = {"schedule": {"warmup_steps": 2, "shape": "constant"}}
    whole = trained(shards, tmp_path / "whole", trainer=longer, **level)
    trained(shards, tmp_path / "parts", trainer={**longer, "max_steps": 3}, **level)
    pretrain(recipe(shards, trainer=longer, **level), tmp_path / "parts", resume=True)
    assert equal(whole, load_student(tmp_path / "parts" / "model").state_dict())


def test_the_average_is_what_is_saved(shards: SequenceShards, tmp_path: Path) -> None:
    plain = trained(shards, tmp_path / "plain")
    averaged = trained(shards, tmp_path / "averaged", averaging={"decay": 0.9})
    assert not equal(plain, averaged)
    states = [state(tmp_path / name, 4)["state_dict"] for name in ("plain", "averaged")]
    # Averaging looks on; the weights that are trained are the same.
    assert equal(*states)
    assert equal(plain["trunk.norm.weight"], states[0]["model.trunk.norm.weight"])


def test_the_rate_falls_as_the_schedule_says(shards: SequenceShards, tmp_path: Path) -> None:
    wsd = {"warmup_steps": 3, "shape": "wsd", "decay_share": 0.5, "final_lr": 0.0}
    trained(shards, tmp_path / "run", schedule=wsd, trainer={"max_steps": 12})
    rows = read_table(tmp_path / "run" / "logs" / "train.csv")
    found = [float(row["learning_rate"]) for row in rows]
    schedule = ScheduleConfig.model_validate(wsd)
    expected = [5e-3 * learning_rate_share(step, 12, schedule) for step in range(1, 13)]
    assert found == pytest.approx(expected)
    assert found[3:5] == [5e-3, 5e-3]
    assert found[-1] == pytest.approx(0)


def test_half_the_digits_train_on_the_cpu_too(shards: SequenceShards, tmp_path: Path) -> None:
    one = trained(shards, tmp_path / "one")
    half = trained(shards, tmp_path / "half", trainer={"precision": "bf16-mixed"})
    assert not equal(one, half)
    assert {tensor.dtype for tensor in half.values()} == {torch.float32}
    rows = [read_table(tmp_path / name / "logs" / "train.csv") for name in ("one", "half")]
    for one_row, half_row in zip(*rows, strict=True):
        assert float(half_row["loss"]) == pytest.approx(float(one_row["loss"]), abs=0.02)


def test_a_loss_that_is_no_number_stops_the_run(
    shards: SequenceShards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = functional.cross_entropy

    def spoilt(logits: Tensor, targets: Tensor, **more: Any) -> Tensor:
        loss = honest(logits, targets, **more)
        return loss * torch.nan if logits.requires_grad else loss

    monkeypatch.setattr(functional, "cross_entropy", spoilt)
    with pytest.raises(TrainingError, match=r"step 1: loss of masked-residue is nan") as stop:
        pretrain(recipe(shards), tmp_path / "run")
    first = MaskedData(shards, recipe(shards).value).batches("train")[0][0]
    assert f"proteins are {', '.join(first.ids[:3])}" in str(stop.value)
    assert "lower optimizer.peak_lr" in str(stop.value)
    assert not (tmp_path / "run" / "model").exists()


@pytest.mark.parametrize("what", ["no valid split", "a valid split smaller than a batch"])
def test_what_cannot_be_validated_is_told_before_a_step(
    shards: SequenceShards, tmp_path: Path, what: str
) -> None:
    given = {"splits": None} if what == "no valid split" else {}
    other = rebuilt(tmp_path, "other", **given)
    size = int(other.split("train").lengths.sum())
    wanted = recipe(other, batch={"tokens_per_batch": size // 2, "crop_residues": None})
    assert size // 2 > 2_000, "must be more than all valid proteins have"
    for run in (
        lambda: pretrain(wanted, tmp_path / "run"),
        lambda: rehearse_masked(wanted.value),
    ):
        with pytest.raises(DataError, match=r"no valid proteins|do not fill 1 batches"):
            run()
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_of_another_step_holds_other_weights(
    shards: SequenceShards, tmp_path: Path
) -> None:
    trained(shards, tmp_path / "run", trainer={"checkpoint_every_steps": 2})
    made = [checkpoint_path(tmp_path / "run" / "checkpoints", step) for step in (2, 4)]
    assert all(path.is_file() for path in made)
    assert not equal(*(state(tmp_path / "run", step) for step in (2, 4)))


def test_moved_and_pinned_batches_are_the_same(shards: SequenceShards) -> None:
    batch = MaskedData(shards, recipe(shards).value).batches("train")[0][1]
    moved = batch.to(torch.device("cpu"))
    for field in dataclasses.fields(batch):
        assert equal(getattr(moved, field.name), getattr(batch, field.name))
    on_meta = batch.to(torch.device("meta"))
    tensors = [on_meta.letters, on_meta.lengths, on_meta.hidden, on_meta.targets]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert len(batch.residue_mask) == len(batch.letters)


def test_a_loss_through_the_roof_still_gives_results() -> None:
    """After a long run the model must be saved, whatever the loss is."""
    after = {f"{NAME}/loss": 800.0, f"{NAME}/baseline_loss": 3.0}
    row = perplexity_row({}, after)
    assert (row.start, row.end) == (None, math.inf)
    assert row.baseline == pytest.approx(math.exp(3))
    assert perplexity_row({f"{NAME}/loss": 2.0}, after).start == pytest.approx(math.exp(2))
    results = Results(steps=1, seconds=0.0, parameters=1, rows=(row,))
    assert results.to_json()["rows"][0]["end"] is None
