"""Inner steps as part of pretraining: gradients, modes, logs, averages, and what is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from multiprot.bundle import load_bundle
from multiprot.config import ResolvedConfig
from multiprot.data import Corpus
from multiprot.encoders.contract import ProteinBatch
from multiprot.encoders.registry import Registry
from multiprot.errors import ConfigError, TrainingError
from multiprot.training.bilevel_module import BilevelModule
from multiprot.training.config import PretrainConfig
from multiprot.training.datamodule import PretrainData
from multiprot.training.logs import read_table
from multiprot.training.parts import build_parts
from multiprot.training.run import pretrain
from multiprot.training.session import build_module

Recipe = Callable[..., ResolvedConfig[PretrainConfig]]

RATE = 0.5
CRITIC = "mutual-information"
SEQUENCE = {"name": "student", "options": {"width": 64, "layers": 2, "freeze": 1}}
STRUCTURE = {
    "name": "gin-residue-graph",
    "options": {"width": 16, "sequence_tokens": "joined", "dropout": 0.0},
}
OBJECTIVES = [
    {"name": "pairwise-distance", "options": {"pairs": 50}},
    {"name": "dihedral"},
    {"name": "mutual-information", "weight": 2.0, "options": {"queue": 8}},
]
STEPS = (
    f"model.sequence={json.dumps(SEQUENCE)}",
    f"model.structure={json.dumps(STRUCTURE)}",
    "model.go=null",
    "model.fusion.layers=0",
    f"objectives={json.dumps(OBJECTIVES)}",
)
KEEP = (*STEPS, f"bilevel={{learning_rate: {RATE}, adapted: keep}}")
DISCARD = (*STEPS, f"bilevel={{learning_rate: {RATE}, adapted: discard}}")


def made(recipe: Recipe, corpus: Corpus, *overrides: str) -> tuple[Any, list[ProteinBatch]]:
    config = recipe(*overrides).value
    parts = build_parts(config, corpus, Registry.discover())
    batches = PretrainData(parts, config.batch, seed=5).train_batches()
    module = build_module(config, parts).train()
    return module, [batches[number] for number in range(3)]


def gradients(module: nn.Module) -> dict[str, Tensor]:
    return {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}


def last_layers(module: nn.Module) -> dict[str, Tensor]:
    """The sequence encoder's weights that may move: its last block and its norm."""
    named = module.state_dict()
    return {
        name: named[name].clone()
        for name in named
        if name.startswith(("model.sequence.trunk.blocks.1.", "model.sequence.trunk.norm."))
    }


def reference(module: BilevelModule, batch: ProteinBatch) -> dict[str, Tensor]:
    """Gradients of w and of the critic after one inner step, by hand."""
    module = copy.deepcopy(module)
    model, heads = module.model, module.objectives.objectives
    theta = {
        name.removeprefix("model."): value.requires_grad_()
        for name, value in last_layers(module).items()
    }

    with sdpa_kernel(SDPBackend.MATH):
        outputs = functional_call(model, theta, (batch,))
        # A copy: the critic's queue is to grow once in a step.
        inner = 2.0 * copy.deepcopy(heads[CRITIC])(outputs, batch).loss
    slopes = torch.autograd.grad(inner, list(theta.values()), create_graph=True)
    stepped = {name: v - RATE * s for (name, v), s in zip(theta.items(), slopes, strict=True)}
    outputs = functional_call(model, stepped, (batch,))
    outer = [heads[name](outputs, batch).loss for name in ("pairwise-distance", "dihedral")]
    torch.stack(outer).sum().backward()
    found = gradients(module)
    fixed = {name: value.detach() for name, value in stepped.items()}
    (2.0 * heads[CRITIC](functional_call(model, fixed, (batch,)), batch).loss).backward()
    prefix = f"objectives.objectives.{CRITIC}."
    return found | {n: g for n, g in gradients(module).items() if n.startswith(prefix)}


def test_gradients_are_those_of_the_definition(recipe: Recipe, corpus: Corpus) -> None:
    module, (batch, *_) = made(recipe, corpus, *DISCARD)
    expected = reference(module, batch)
    module.training_step(batch, 0).backward()
    found = gradients(module)
    reached = {name: gradient for name, gradient in found.items() if name in expected}
    torch.testing.assert_close(reached, expected, rtol=1e-4, atol=1e-6)
    assert not any(found[name].any() for name in found.keys() - expected.keys())
    assert not any(name.startswith("model.sequence.") for name in found)
    assert found[f"objectives.objectives.{CRITIC}.sequence_tower.first.weight"].any()


def test_without_inner_steps_the_others_learn_as_in_joint_training(
    recipe: Recipe, corpus: Corpus
) -> None:
    """What differs is that nothing but the critic learns from mutual information."""
    found = []
    for bilevel in ("bilevel={learning_rate: 0.0}", "bilevel=null"):
        module, (batch, *_) = made(recipe, corpus, *STEPS, bilevel)
        if bilevel == "bilevel=null":
            module.objectives.weights["mutual-information"] = 0.0
        module.training_step(batch, 0).backward()
        found.append({n: g for n, g in gradients(module).items() if "mutual" not in n})
    kept = {name: gradient for name, gradient in found[1].items() if name in found[0]}
    torch.testing.assert_close(found[0], kept, rtol=1e-4, atol=1e-6)
    assert {name.split(".")[1] for name in found[1].keys() - found[0].keys()} == {"sequence"}


def test_critic_sees_every_protein_of_the_batch_once(recipe: Recipe, corpus: Corpus) -> None:
    """However many inner steps there are; all of them have the same negatives."""
    module, batches = made(recipe, corpus, *STEPS, "bilevel={steps: 3, learning_rate: 0.0}")
    for batch in batches[:2]:
        module.training_step(batch, 0)
    keys = module.objectives.objectives["mutual-information"].queue.keys
    assert len(set(keys.tolist())) == len(keys)
    metrics = module._take_means()
    losses = [metrics[f"inner_step_{number}/loss"] for number in (1, 2, 3)]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-6)
    assert metrics["inner_steps/length"] == 0.0


def test_inner_steps_go_down(recipe: Recipe, corpus: Corpus) -> None:
    module, (batch, *_) = made(recipe, corpus, *STEPS, "bilevel={steps: 3, learning_rate: 0.01}")
    module.training_step(batch, 0)
    metrics = module._take_means()
    losses = [metrics[f"inner_step_{number}/loss"] for number in (1, 2, 3)]
    # What the steps come to is the inner objective's own loss.
    losses.append(2.0 * metrics["mutual-information/loss"])
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]
    assert metrics["inner_steps/length"] > 0


def test_of_several_batches_the_mean_of_where_they_lead_is_kept(
    recipe: Recipe, corpus: Corpus
) -> None:
    ends = []
    for which in ((0,), (1,), (0, 1)):
        # A queue would show the second batch the proteins of the first.
        module, batches = made(recipe, corpus, *KEEP, "objectives.2.options.queue=0")
        start = last_layers(module)
        for number in which:
            module.training_step(batches[number], 0).backward()
            torch.testing.assert_close(last_layers(module), start, rtol=0, atol=0)
        module.configure_gradient_clipping(module.configure_optimizers()["optimizer"])
        ends.append(last_layers(module))
        assert any(not torch.equal(value, start[name]) for name, value in ends[-1].items())
    mean = {name: (ends[0][name] + ends[1][name]) / 2 for name in ends[0]}
    torch.testing.assert_close(ends[2], mean, rtol=1e-5, atol=1e-7)


def test_step_that_is_no_number_is_refused_and_keeps_nothing(
    recipe: Recipe, corpus: Corpus
) -> None:
    module, (batch, *_) = made(recipe, corpus, *STEPS, "bilevel={learning_rate: 1e30, steps: 3}")
    start = last_layers(module)
    module.training_step(batch, 0).backward()
    with pytest.raises(TrainingError, match=batch.ids[0]):
        module.configure_gradient_clipping(module.configure_optimizers()["optimizer"])
    torch.testing.assert_close(last_layers(module), start, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("overrides", "moves"), [(KEEP, True), (DISCARD, False), (STEPS, True)], ids=str
)
def test_modes_differ_in_what_becomes_of_the_last_layers(
    recipe: Recipe, corpus: Corpus, tmp_path: Path, overrides: tuple[str, ...], moves: bool
) -> None:
    start = last_layers(made(recipe, corpus, *overrides)[0])
    pretrain(recipe(*overrides, "trainer.max_steps=4"), tmp_path / "run")
    path = tmp_path / "run" / "checkpoints" / "step-00000004.ckpt"
    saved = torch.load(path, weights_only=True)
    moved = [name for name, was in start.items() if not torch.equal(saved["state_dict"][name], was)]
    # The gradient of some biases is zero: the softmax takes them out.
    assert (len(moved) > len(start) / 2) if moves else not moved
    average = saved["callbacks"]["WeightAverage"]["average"]
    assert (set(start) <= set(average)) == moves
    weights = load_bundle(tmp_path / "run" / "bundle").model.state_dict()
    averaged = average if moves else start
    for name in start:
        assert torch.equal(weights[name.removeprefix("model.")], averaged[name])


def test_validation_takes_no_inner_steps(recipe: Recipe, corpus: Corpus) -> None:
    module, (batch, *_) = made(recipe, corpus, *KEEP)
    module.eval()
    start = copy.deepcopy(module.state_dict())
    with torch.no_grad():
        module.on_validation_epoch_start()
        module.validation_step(batch, 0)
        module.on_validation_epoch_end()
    torch.testing.assert_close(module.state_dict(), start, rtol=0, atol=0)
    valid = module.valid
    assert valid["mutual-information/loss"] > 0
    assert "inner_step_1/loss" not in valid
    outer = valid["pairwise-distance/loss"] + valid["dihedral/loss"]
    assert valid["loss"] == pytest.approx(outer, rel=1e-5)


def test_log_has_inner_and_outer_losses(recipe: Recipe, tmp_path: Path) -> None:
    pretrain(recipe(*KEEP, "trainer.max_steps=8"), tmp_path / "run")
    row = read_table(tmp_path / "run" / "logs" / "train.csv")[-1]
    names = ("pairwise-distance/loss", "dihedral/loss", "mutual-information/loss")
    assert {*names, "inner_step_1/loss", "inner_steps/length"} <= row.keys()
    outer = float(row["pairwise-distance/loss"]) + float(row["dihedral/loss"])
    assert float(row["loss"]) == pytest.approx(outer, rel=1e-5)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("bilevel={objectives: [mutual]}",), r"'mutual' is none of the recipe's objectives \(pai"),
        (("bilevel={}", "objectives.2.weight=0"), r"'mutual-information' has weight 0"),
        (
            ("bilevel={objectives: [pairwise-distance, dihedral, mutual-information]}",),
            "no objective with a weight is left for the outer loss",
        ),
        (("bilevel={}", "objectives=[{name: dihedral}]"), r"'mutual-information' is none of"),
        (("bilevel={}", "model.sequence=null"), r"bilevel\.part: the model has no sequence"),
        (("bilevel={}", "optimizer.encoder_lr={sequence: 0.1}"), r"encoder_lr\.sequence.*inner"),
        (("bilevel={}", "trainer.strategy=fsdp"), "'fsdp' shards parameters"),
    ],
)
def test_recipes_without_sense_are_refused(
    recipe: Recipe, overrides: tuple[str, ...], message: str
) -> None:
    with pytest.raises((ConfigError, ValidationError), match=message):
        recipe(*STEPS, *overrides)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("model.sequence.options.freeze=all",), r"nothing of the sequence encoder learns.*freeze"),
        (("model.structure=null",), r"'mutual-information' needs structure, and the model has no"),
    ],
)
def test_what_cannot_take_inner_steps_is_refused_before_anything_is_cached(
    recipe: Recipe, tmp_path: Path, overrides: tuple[str, ...], message: str
) -> None:
    cache = f"token_cache={{path: {tmp_path / 'cache'}, encoders: [sequence]}}"
    with pytest.raises(ConfigError, match=message):
        pretrain(recipe(*KEEP, *overrides, cache), tmp_path / "run")
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "run").exists()


def test_frozen_layers_come_from_the_cache_as_live(recipe: Recipe, tmp_path: Path) -> None:
    """Dihedrals are hidden from the structure encoder, not residues from the sequence encoder."""
    whole = ("batch.crop_residues=null", "trainer.max_steps=3", "trainer.log_every=1")
    named = f"token_cache={{path: {tmp_path / 'cache'}, encoders: [sequence]}}"
    rows = []
    for name, more in (("live", ()), ("cached", (named,))):
        pretrain(recipe(*KEEP, *whole, *more), tmp_path / name)
        rows.append(read_table(tmp_path / name / "logs" / "train.csv"))
    assert (tmp_path / "cache").is_dir()
    for live, cached in zip(*rows, strict=True):
        for key in live:
            assert float(live[key]) == pytest.approx(float(cached[key]), rel=1e-3, abs=1e-5), key
