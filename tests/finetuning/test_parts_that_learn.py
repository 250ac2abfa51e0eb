"""Mode parts: gradients reach what is named and nothing else, which stays bit by bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from multiprot.bundle import load_bundle
from multiprot.encoders.plugin import Modality
from multiprot.encoders.registry import Registry
from multiprot.errors import TrainingError
from multiprot.evaluation.structures import StructureOptions
from multiprot.finetuning import FineTuneRun, finetune
from multiprot.finetuning.learning import let_learn
from multiprot.training.finetune.options import FineTuneOptions
from tests.finetuning.conftest import MakeRun
from tests.finetuning.planted import write_task
from tests.finetuning.shapes import write_shapes

ENCODERS = {"sequence", "structure"}
FUSION = {"streams", "layers", "sum", "pool"}
MakeShapes = Callable[..., FineTuneRun]


@pytest.fixture
def make_shapes(make_run: MakeRun, tmp_path: Path) -> MakeShapes:
    """A run on shapes, with their structures, most of which are there."""
    task, folder = write_shapes(tmp_path / "data", without=4)

    def make(out: str, **given: Any) -> FineTuneRun:
        run = make_run(task, out, **({"epochs": 2} | given))
        return replace(run, structures=StructureOptions(structures=folder))

    return make


def changed(before: Path | str, after: Path) -> set[str]:
    """Parts of the model with other weights."""
    former, now = (load_bundle(path).model.state_dict() for path in (before, after))
    assert former.keys() == now.keys()
    return {name.split(".")[0] for name in now if not torch.equal(former[name], now[name])}


@pytest.mark.parametrize(
    ("learns", "parts"),
    [
        (("structure",), {"structure"}),
        (("sequence",), {"sequence"}),
        (("fusion",), FUSION),
        (("structure", "fusion"), {"structure", *FUSION}),
        (("sequence", "structure"), ENCODERS),
    ],
)
def test_what_is_named_learns_and_all_else_stays(
    learns: tuple[str, ...], parts: set[str], make_shapes: MakeShapes, tiny_bundle: Path
) -> None:
    run = make_shapes("run", mode="parts", learns=learns)
    results = finetune(run)
    assert changed(tiny_bundle, run.out / "bundle") == parts
    assert results["learns"] == list(learns)
    named = load_bundle(tiny_bundle).model.named_parameters()
    learnt = sum(p.numel() for name, p in named if name.split(".")[0] in parts)
    width = load_bundle(tiny_bundle).config.fusion.width
    assert results["parameters"] == learnt + width + 1


def test_in_mode_full_structures_learn_where_there_are_any(
    make_shapes: MakeShapes, tiny_bundle: Path
) -> None:
    run = make_shapes("with", mode="full")
    finetune(run)
    assert changed(tiny_bundle, run.out / "bundle") == ENCODERS | FUSION
    bare = replace(make_shapes("without", mode="full"), structures=StructureOptions())
    finetune(bare)
    assert "structure" not in changed(tiny_bundle, bare.out / "bundle")


@pytest.mark.parametrize("learns", [("structure",), ("fusion",), ("sequence",)])
def test_gradients_reach_the_named_parts_alone(learns: Any, tiny_bundle: Path) -> None:
    model = load_bundle(tiny_bundle).model
    options = FineTuneOptions(mode="parts", learns=learns)
    parts = let_learn(model, options, "tiny", structures=True)
    wanted = FUSION if learns == ("fusion",) else set(learns)
    wanting = {n.split(".")[0] for n, p in model.named_parameters() if p.requires_grad}
    assert wanting == wanted
    parts.train(True)
    training = {name for name, child in model.named_children() if child.training}
    assert training == wanted
    assert parts.sequence_learns == ("sequence" in learns)
    parts.train(False)
    assert not any(module.training for module in model.modules())


def test_a_frozen_sequence_encoder_runs_once_for_each_protein(
    make_shapes: MakeShapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tokens are kept; and what is learnt from them is what is learnt without."""
    plugin = Registry.discover().encoder(Modality.SEQUENCE, "residue-transformer")
    built: Any = plugin.build(plugin.config())
    encoder, seen = type(built), []
    forward = encoder.forward

    def counted(self: Any, features: Any) -> Any:
        tokens = forward(self, features)
        mask = tokens.mask
        seen.append(len(tokens.offsets) - 1 if mask.ndim == 1 else len(mask))
        return tokens

    monkeypatch.setattr(encoder, "forward", counted)
    results, calls = {}, {}
    for way in ("kept", "computed"):
        seen.clear()
        run = make_shapes(way, mode="parts", learns=("structure",), epochs=3, frozen_tokens=way)
        results[way] = finetune(run)
        calls[way] = sum(seen)
    assert calls["kept"] == 60
    assert calls["computed"] > 3 * 36
    assert results["kept"]["valid"] == pytest.approx(results["computed"]["valid"], abs=1e-4)
    one, other = (
        dict(np.load(make_shapes(way).out / "predictions" / "test.npz"))["predictions"]
        for way in ("kept", "computed")
    )
    np.testing.assert_allclose(one, other, atol=1e-3)


def test_long_proteins_are_kept_in_their_windows(make_shapes: MakeShapes) -> None:
    ways = {}
    for way in ("kept", "computed"):
        run = make_shapes(
            way,
            mode="parts",
            learns=("structure",),
            frozen_tokens=way,
            max_residues=12,
            window_overlap=4,
        )
        finetune(run)
        ways[way] = dict(np.load(run.out / "predictions" / "test.npz"))["predictions"]
    np.testing.assert_allclose(ways["kept"], ways["computed"], atol=1e-3)


def test_a_residue_task_learns_from_structures_too(make_run: MakeRun, tmp_path: Path) -> None:
    """No protein of this task has a structure: all still have predictions."""
    _, folder = write_shapes(tmp_path / "data")
    run = make_run(write_task(tmp_path / "task", "residue_binary"), mode="full", epochs=1)
    results = finetune(replace(run, structures=StructureOptions(structures=folder)))
    assert results["structures"]["without"] == results["structures"]["sequences"] == 60
    assert results["valid"]["auroc"] is not None


def test_what_cannot_learn_is_refused(
    make_run: MakeRun, make_shapes: MakeShapes, tmp_path: Path
) -> None:
    task = write_task(tmp_path / "task", "binary")
    run = make_run(task, mode="parts", learns=("structure",))
    with pytest.raises(TrainingError, match="give a folder of them with --structures"):
        finetune(run)
    assert not run.out.exists()
    alone = {"model": "residue-transformer", "encoder_options": ("layers=1", "width=12", "heads=2")}
    run = make_run(task, mode="parts", learns=("structure",), **alone)
    with pytest.raises(TrainingError, match="--learns structure, and the model has no structure"):
        finetune(run)
    structured = replace(make_run(task, **alone), structures=make_shapes("unused").structures)
    with pytest.raises(TrainingError, match=r"has no structure encoder.*leave --structures out"):
        finetune(structured)
    for given in ({"mode": "parts"}, {"learns": ("fusion",)}, {"mode": "parts", "learns": ("x",)}):
        with pytest.raises(ValidationError):
            FineTuneOptions.model_validate(given)
