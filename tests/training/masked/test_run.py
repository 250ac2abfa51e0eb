"""A student's run: it learns, goes on where it stopped, and leaves a model that embeds."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from multiprot.bundle import TrainingSequences
from multiprot.cli.main import main
from multiprot.config import ResolvedConfig
from multiprot.data.sequences import SequenceShards
from multiprot.embedding import Embedder
from multiprot.encoders.reference.letters import MASK
from multiprot.errors import DataError, TrainingError
from multiprot.proteins import ProteinRecord
from multiprot.student.checkpoint import load_student, read_settings
from multiprot.training.logs import read_table
from multiprot.training.masked.config import MaskedConfig
from multiprot.training.masked.data import MaskedData
from multiprot.training.masked.rehearse import rehearse_masked
from multiprot.training.run import pretrain
from tests.training.masked.conftest import two_kinds

RECIPE: dict[str, Any] = {
    "model": {"width": 64, "layers": 1},
    "batch": {"tokens_per_batch": 512, "crop_residues": 40},
    "optimizer": {"peak_lr": 5e-3},
    "schedule": {"warmup_steps": 5, "shape": "wsd"},
    "averaging": {"decay": 0.9},
    "trainer": {"max_steps": 60, "validate_every": 30, "checkpoint_every_steps": 20},
}


def recipe(shards: SequenceShards, **more: Any) -> ResolvedConfig[MaskedConfig]:
    tree = {**RECIPE, "sequences": str(shards.path), **more}
    return ResolvedConfig(MaskedConfig.model_validate(tree), {})


def test_a_student_learns_what_follows_from_the_letters_around(
    shards: SequenceShards, tmp_path: Path
) -> None:
    results = pretrain(recipe(shards), tmp_path / "run")
    rows = {row.name: row for row in results.rows}
    perplexity = rows["masked-residue/perplexity"]
    # Twelve letters, all alike often; the word that a protein repeats has six.
    assert perplexity.start == pytest.approx(12, rel=0.15)
    assert perplexity.baseline == pytest.approx(12, rel=0.1)
    assert perplexity.end is not None
    assert perplexity.end < 4
    loss = rows["masked-residue/loss"]
    assert loss.end is not None
    assert math.exp(loss.end) == pytest.approx(perplexity.end)
    accuracy = rows["masked-residue/accuracy"]
    assert accuracy.end is not None
    assert accuracy.end > 0.5 > 0.15 > (accuracy.baseline or 1)


def test_its_model_embeds_and_knows_what_it_learnt_from(
    shards: SequenceShards, tmp_path: Path
) -> None:
    pretrain(recipe(shards, trainer={"max_steps": 2, "validate_every": 1}), tmp_path / "run")
    model = tmp_path / "run" / "model"
    assert Embedder.open(f"student:{model}").embed(
        [ProteinRecord(id="a", sequence="MKT")]
    ).vectors.shape == (1, 64)
    digests = TrainingSequences.load(model / "trained_on.npy")
    sequences = [record.sequence for record in two_kinds(120)]
    assert digests.hold(sequences).all()
    assert not digests.hold(["MKTAYI"]).any()
    settings = read_settings(model)
    assert settings.crop_residues == 40
    assert settings.provenance["splits"]["valid"]["proteins"] == len(shards.split("valid"))
    looks = settings.provenance["valid_split_while_training"]
    table = read_table(tmp_path / "run" / "logs" / "valid.csv")
    assert [(str(look["step"]), str(look["loss"])) for look in looks] == [
        (row["step"], row["masked-residue/loss"]) for row in table
    ]
    card = (model / "README.md").read_text()
    assert "## Valid split while training\n\n| step | loss | accuracy |" in card
    assert "student:THIS_FOLDER" in card
    assert shards.content_hash in card


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(
    shards: SequenceShards, tmp_path: Path
) -> None:
    pretrain(recipe(shards), tmp_path / "whole")
    pretrain(recipe(shards, trainer={**RECIPE["trainer"], "max_steps": 20}), tmp_path / "parts")
    # The schedule ends later now: only a level one may be prolonged without a trace.
    level = {"schedule": {"warmup_steps": 5, "shape": "constant"}}
    pretrain(recipe(shards, **level), tmp_path / "level")
    short = {**RECIPE["trainer"], "max_steps": 40}
    pretrain(recipe(shards, **level, trainer=short), tmp_path / "resumed")
    pretrain(recipe(shards, **level), tmp_path / "resumed", resume=True)
    one, other = (load_student(tmp_path / name / "model") for name in ("level", "resumed"))
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name
    logs = [(tmp_path / n / "logs" / "valid.csv").read_text() for n in ("level", "resumed")]
    assert logs[0] == logs[1]


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_wall_time_and_optimizer_go_through_a_checkpoint(
    name: str, shards: SequenceShards, tmp_path: Path
) -> None:
    more = {"optimizer": {"name": name, "peak_lr": 5e-3}, "schedule": {"shape": "constant"}}
    short = {**RECIPE["trainer"], "max_steps": 20}
    pretrain(recipe(shards, **more), tmp_path / "whole")
    first = pretrain(recipe(shards, **more, trainer=short), tmp_path / "run")
    checkpoint = tmp_path / "run" / "checkpoints" / "step-00000020.ckpt"
    told = torch.load(checkpoint, weights_only=False)
    told["callbacks"]["Clock"]["seconds"] = 1000.0
    torch.save(told, checkpoint)
    second = pretrain(recipe(shards, **more), tmp_path / "run", resume=True)
    assert 0 < first.seconds < 500
    assert 1000 < second.seconds < 1500
    one, other = (load_student(tmp_path / name / "model") for name in ("whole", "run"))
    for key, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[key]), key


def test_another_recipe_or_other_sequences_cannot_go_on(
    shards: SequenceShards, tmp_path: Path
) -> None:
    short = {**RECIPE["trainer"], "max_steps": 20}
    pretrain(recipe(shards, trainer=short), tmp_path / "run")
    with pytest.raises(TrainingError, match=r"masking\.rate was 0\.15 and is 0\.3"):
        pretrain(recipe(shards, masking={"rate": 0.3}), tmp_path / "run", resume=True)
    with pytest.raises(TrainingError, match="the run is complete after 20 steps, its model is"):
        pretrain(recipe(shards, trainer=short), tmp_path / "run", resume=True)
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    facts["corpus_content_hash"] = "other"
    (tmp_path / "run" / "run.json").write_text(json.dumps(facts))
    with pytest.raises(TrainingError, match="corpus content hash was other"):
        pretrain(recipe(shards), tmp_path / "run", resume=True)


def test_gradients_of_two_halves_are_those_of_the_whole(
    shards: SequenceShards, tmp_path: Path
) -> None:
    # Accumulation takes the next batches of the plan, each of which weighs alike.
    trainer = {"max_steps": 3, "accumulate": 2, "log_every": 1}
    results = pretrain(recipe(shards, trainer=trainer), tmp_path / "run")
    assert results.steps == 3
    rows = read_table(tmp_path / "run" / "logs" / "train.csv")
    assert [int(row["step"]) for row in rows] == [1, 2, 3]


def test_every_hidden_residue_of_the_valid_split_is_behind_the_mask(
    shards: SequenceShards,
) -> None:
    data = MaskedData(shards, recipe(shards).value)
    shown = {}
    for split in ("train", "valid"):
        dataset, count = data.batches(split)
        batches = [dataset[number] for number in range(count)]
        shown[split] = torch.cat([batch.letters[batch.hidden] for batch in batches])
    assert (shown["valid"] == MASK).all()
    assert 0.1 < float((shown["train"] != MASK).float().mean()) < 0.3


def test_a_rehearsal_counts_and_writes_nothing(shards: SequenceShards, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    found = rehearse_masked(recipe(shards).value)
    assert found.residues == 512
    assert found.parameters["sequence"] > 12 * 64**2
    assert found.steps == 60
    assert sorted(tmp_path.rglob("*")) == before


def test_no_valid_proteins_is_an_error_before_anything_is_written(
    shards: SequenceShards, tmp_path: Path
) -> None:
    wanted = recipe(shards, batch={"tokens_per_batch": 100_000}, trainer={"max_steps": 1})
    with pytest.raises(DataError, match="do not fill 1 batches of 100000"):
        pretrain(wanted, tmp_path / "run")


def test_from_fasta_to_vectors_by_commands(
    tmp_path: Path, shards: SequenceShards, capsys: pytest.CaptureFixture[str]
) -> None:
    made = ["data", "sequences", str(tmp_path / "all.fasta"), "--out", str(tmp_path / "s")]
    assert main([*made, "--splits", str(tmp_path / "splits.tsv")]) == 0
    assert f"train: {len(shards.split('train'))} proteins" in capsys.readouterr().out
    assert SequenceShards.open(tmp_path / "s").content_hash == shards.content_hash
    file = tmp_path / "tiny.yaml"
    file.write_text(
        f"kind: masked-sequence\nname: tiny\nsequences: {tmp_path / 's'}\n"
        "model: {width: 64, layers: 1}\nbatch: {tokens_per_batch: 256}\n"
    )
    run = tmp_path / "run"
    short = ["trainer.max_steps=3", "trainer.checkpoint_every_steps=1"]
    assert main(["pretrain", str(file), *short, "--dry-run"]) == 0
    assert "trainable parameters" in capsys.readouterr().out
    assert main(["pretrain", str(file), *short, "--out", str(run)]) == 0
    told = capsys.readouterr().out
    assert "masked-residue/perplexity" in told
    assert f"--model student:{run / 'model'}" in told
    assert main(["pretrain", "--resume", "--out", str(run), "trainer.max_steps=4"]) == 0
    vectors = ["embed", str(tmp_path / "all.fasta"), "--model", f"student:{run / 'model'}"]
    assert main([*vectors, "--out", str(tmp_path / "store")]) == 0


def test_numbers_of_a_batch_are_no_vectors_of_another(shards: SequenceShards) -> None:
    """Tokens of a protein do not depend on its neighbours in the packed row."""
    torch.manual_seed(0)
    from multiprot.student.config import StudentConfig
    from multiprot.student.model import Student

    student = Student(StudentConfig(width=64, layers=2)).eval()
    split = shards.split("train")
    rows = [torch.from_numpy(split.residues(n).astype(np.int64)) for n in range(3)]
    lengths = torch.tensor([len(row) for row in rows])
    together = student(torch.cat(rows), lengths)
    alone = torch.cat([student(row, torch.tensor([len(row)])) for row in rows])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
