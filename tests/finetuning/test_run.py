"""Fine-tuning from a model and a task to a bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from multiprot.bundle import load_bundle
from multiprot.embedding import Embedder
from multiprot.errors import EvaluationError, OutputExistsError, TrainingError
from multiprot.finetuning import Predictor, finetune
from multiprot.finetuning.entries import TableEntry
from multiprot.proteins import ProteinRecord
from tests.finetuning.conftest import TINY_ESM, MakeRun
from tests.finetuning.planted import write_task
from tests.tiny_model import MAX_RESIDUES, SEEN


def weights(bundle: Path, name: str = "model") -> dict[str, np.ndarray[Any, Any]]:
    return load_file(bundle / f"{name}.safetensors")


@pytest.mark.parametrize(
    ("task_type", "least"),
    [
        ("regression", 0.8),
        ("binary", 0.95),
        ("multiclass", 0.9),
        ("multilabel", 0.9),
        ("residue_binary", 0.95),
        ("residue_multiclass", 0.9),
        ("residue_regression", 0.8),
        ("residue_multilabel", 0.9),
        ("pair_binary", 0.9),
        ("pair_regression", 0.8),
        ("protein_ligand_binary", 0.95),
    ],
)
def test_what_was_planted_is_learnt(
    make_run: MakeRun, tmp_path: Path, task_type: str, least: float
) -> None:
    task = write_task(tmp_path / "task", task_type, entries=100)
    found = finetune(make_run(task, epochs=10))
    assert found["tests"]["test"][found["primary_metric"]] >= least
    assert found["mode"] == "frozen"


@pytest.mark.parametrize("task_type", ["regression", "residue_multiclass", "pair_binary"])
def test_a_whole_model_learns_more_than_its_head_alone(
    make_run: MakeRun, tmp_path: Path, task_type: str
) -> None:
    task = write_task(tmp_path / "task", task_type)
    logs = {}
    for mode in ("frozen", "full"):
        run = make_run(task, mode, mode=mode, epochs=5, head_lr=1e-3, backbone_lr=1e-2)
        finetune(run)
        rows = (run.out / "logs" / "train.csv").read_text().splitlines()
        logs[mode] = float(rows[-1].split(",")[1])
    assert logs["full"] < logs["frozen"]


def test_frozen_keeps_every_byte_of_the_model(
    make_run: MakeRun, tmp_path: Path, tiny_bundle: Path
) -> None:
    run = make_run(write_task(tmp_path / "task", "binary"))
    finetune(run)
    made = run.out / "bundle"
    for name in ("model.safetensors", "ontology.json.gz", "terms.safetensors"):
        assert (made / name).read_bytes() == (tiny_bundle / name).read_bytes()
    base, bundle = load_bundle(tiny_bundle), load_bundle(made)
    records = [ProteinRecord(id="p", sequence="ACDEFGHIK")]
    one, other = (Embedder.from_bundle(b).embed(records).vectors for b in (base, bundle))
    assert np.array_equal(one, other)


def test_full_changes_the_model_but_not_what_it_does_not_use(
    make_run: MakeRun, tmp_path: Path, tiny_bundle: Path
) -> None:
    run = make_run(write_task(tmp_path / "task", "binary"), mode="full")
    finetune(run)
    before, after = weights(tiny_bundle), weights(run.out / "bundle")
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert any(name.startswith("sequence.blocks") for name in changed)
    assert not any(n.startswith(("structure.", "go.", "project_")) for n in changed)
    # Calibrated on vectors that are no more.
    assert not load_bundle(run.out / "bundle").has_readout()


@pytest.mark.parametrize("task_type", ["binary", "residue_binary"])
def test_lora_learns_adapters_alone(make_run: MakeRun, tmp_path: Path, task_type: str) -> None:
    task = write_task(tmp_path / "task", task_type)
    given = {"model": "esm2", "encoder_options": TINY_ESM}
    base = make_run(task, "base", epochs=1, **given)
    finetune(base)
    run = make_run(task, "adapted", model=base.out / "bundle", mode="lora", lora_rank=2)
    finetune(run)
    before, after = weights(base.out / "bundle"), weights(run.out / "bundle")
    plain = {name.replace(".base_layer.", "."): tensor for name, tensor in after.items()}
    assert before.keys() == plain.keys()
    assert all(np.array_equal(before[name], plain[name]) for name in before)
    adapters = weights(run.out / "bundle", "adapters")
    learnt = [tensor for name, tensor in adapters.items() if "lora_B" in name]
    assert learnt
    assert all(np.abs(tensor).max() > 0 for tensor in learnt)
    further = make_run(task, "further", model=run.out / "bundle", mode="lora", epochs=1)
    finetune(further)
    onward = weights(further.out / "bundle", "adapters")
    assert onward.keys() == adapters.keys()
    assert any(not np.array_equal(onward[name], adapters[name]) for name in onward)


def test_lora_is_refused_where_the_encoder_takes_no_adapters(
    make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run(write_task(tmp_path / "task", "binary"), mode="lora")
    with pytest.raises(TrainingError, match=r"residue-transformer.*takes no adapters"):
        finetune(run)
    assert not run.out.exists()


def test_the_seed_decides(make_run: MakeRun, tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", "regression")
    heads = []
    for out, seed in (("a", 3), ("b", 3), ("c", 4)):
        run = make_run(task, out, mode="full", dropout=0.3, epochs=1, seed=seed)
        finetune(run)
        heads.append(
            [
                (run.out / "bundle" / f"{n}.safetensors").read_bytes()
                for n in ("prediction", "model")
            ]
        )
    assert heads[0] == heads[1]
    assert heads[0][0] != heads[2][0]
    assert heads[0][1] != heads[2][1]


def test_patience_ends_training_and_the_best_weights_are_kept(
    make_run: MakeRun, tmp_path: Path
) -> None:
    task = write_task(tmp_path / "task", "binary")
    looks: list[tuple[int, float]] = []
    run = make_run(task, epochs=60, patience=2, validate_every=1)
    found = finetune(run, on_look=lambda look: looks.append((look.step, look.score)))
    assert found["stopped_early"]
    scores = dict(looks)
    best = max(scores.values())
    assert found["best_step"] == min(step for step, score in looks if score == best)
    assert found["steps"] == looks[-1][0] == found["best_step"] + 2
    assert found["valid"]["auroc"] == pytest.approx(best)


def test_a_share_of_train_is_held_out_where_there_is_no_valid_part(
    make_run: MakeRun, tmp_path: Path
) -> None:
    task = write_task(tmp_path / "task", "binary", entries=100, valid=False)
    found = finetune(make_run(task, valid_share=0.3))
    assert found["valid_held_out"]
    assert 10 <= found["entries"]["valid"] <= 40
    assert found["entries"]["train"] + found["entries"]["valid"] == 80


def test_the_bundle_says_what_it_learnt(make_run: MakeRun, tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", "binary")
    run = make_run(task)
    found = finetune(run)
    bundle = load_bundle(run.out / "bundle")
    told = bundle.provenance["fine_tuning"]
    assert told["task"] == "task"
    assert len(told["content_hash"]) == 64
    assert bundle.provenance["base"]["name"] == "tiny"
    assert bundle.provenance["base"]["training"]["seed"] == 7
    assert bundle.provenance["corpus"]["content_hash"] == "c0ffee"
    assert bundle.provenance["metrics"]["valid"] == found["valid"]
    assert "fine-tuned on task" in bundle.card
    seen = bundle.trained_on()
    assert seen is not None
    rows = [line.split(",") for line in (task / "data.csv").read_text().splitlines()[1:]]
    held = seen.hold([row[1] for row in rows])
    assert [bool(h) for h in held] == [row[3] != "test" for row in rows]
    assert seen.hold([SEEN]).all()


@pytest.mark.parametrize("mode", ["frozen", "full"])
@pytest.mark.parametrize("task_type", ["regression", "residue_multiclass", "pair_binary"])
def test_predictions_of_the_bundle_are_those_of_the_run(
    make_run: MakeRun, tmp_path: Path, task_type: str, mode: str
) -> None:
    task = write_task(tmp_path / "task", task_type)
    run = make_run(task, mode=mode, epochs=1)
    finetune(run)
    kept = np.load(run.out / "predictions" / "valid.npz")
    rows = [line.split(",") for line in (task / "data.csv").read_text().splitlines()[1:]]
    rows = [row for row in rows if row[-1] == "valid"]
    predictor = Predictor.open(run.out / "bundle")
    if task_type == "pair_binary":
        found = predictor.entries(TableEntry(r[0], (r[1], r[2])) for r in rows)
    else:
        found = predictor.proteins(ProteinRecord(id=r[0], sequence=r[1]) for r in rows)
    said = list(found)
    assert [one.id for one in said] == list(kept["ids"])
    values = np.concatenate([one.values for one in said])
    np.testing.assert_allclose(values, kept["predictions"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mode", ["frozen", "full"])
def test_a_protein_beyond_the_limit_is_joined_from_windows_or_refused_by_name(
    make_run: MakeRun, tmp_path: Path, mode: str
) -> None:
    task = write_task(tmp_path / "task", "binary")
    text = (task / "data.csv").read_text()
    (task / "data.csv").write_text(text + f"giant,{'KL' * MAX_RESIDUES},1,train\n")
    with pytest.raises(EvaluationError, match=f"giant.*{2 * MAX_RESIDUES} residues"):
        finetune(make_run(task, mode=mode, long_proteins="refuse"))
    assert not (tmp_path / "run").exists()
    found = finetune(make_run(task, mode=mode, epochs=1))
    assert found["entries"]["train"] == 37


def test_bad_tasks_are_refused_before_anything_is_written(
    make_run: MakeRun, tmp_path: Path
) -> None:
    one_class = write_task(tmp_path / "one", "binary")
    text = (one_class / "data.csv").read_text()
    (one_class / "data.csv").write_text(text.replace(",1,train", ",0,train"))
    few = write_task(tmp_path / "few", "binary", entries=20)
    metric = write_task(tmp_path / "metric", "binary", primary_metric="spearman")
    for task, told in (
        (one_class, "all labels of train are '0'"),
        (few, "4 entries in valid, 10 are needed"),
        (metric, "spearman"),
        (tmp_path, "no task.json"),
    ):
        with pytest.raises(EvaluationError, match=told):
            finetune(make_run(task))
        assert not (tmp_path / "run").exists()


def test_an_existing_folder_needs_a_flag(make_run: MakeRun, tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", "binary")
    run = make_run(task, epochs=1)
    finetune(run)
    with pytest.raises(OutputExistsError, match="--resume"):
        finetune(run)
    with pytest.raises(TrainingError, match="complete"):
        finetune(run, resume=True)
    shutil.rmtree(run.out / "checkpoints")
    assert finetune(run, overwrite=True)["steps"] == 3
    assert json.loads((run.out / "results.json").read_text())["steps"] == 3


def test_results_depend_on_no_order_of_a_batch(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(write_task(tmp_path / "task", "residue_multiclass"), mode="full", epochs=1)
    finetune(run)
    predictor = Predictor.open(run.out / "bundle")
    records = [
        ProteinRecord(id=f"p{n}", sequence="KLDE" * n) for n in (1, 5, 2, 3 * MAX_RESIDUES // 4)
    ]
    together = {one.id: one.values for one in predictor.proteins(records)}
    for record in records:
        (alone,) = predictor.proteins([record])
        assert alone.values.shape == (len(record), 2)
        np.testing.assert_allclose(alone.values, together[record.id], atol=1e-5)


def test_pairs_are_symmetric_to_the_bit(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(write_task(tmp_path / "task", "pair_binary"), mode="full", epochs=1, hidden=8)
    finetune(run)
    predictor = Predictor.open(run.out / "bundle")
    there, back = predictor.entries(
        [TableEntry("there", ("KLDE", "AAAVVK")), TableEntry("back", ("AAAVVK", "KLDE"))]
    )
    assert np.array_equal(there.values, back.values)
    refused = []
    made = list(
        predictor.entries(
            [TableEntry("odd", ("K1", "AA")), TableEntry("fine", ("KK", "AA"))],
            on_failure=refused.append,
        )
    )
    assert [one.id for one in made] == ["fine"]
    assert [failure.id for failure in refused] == ["odd"]
