"""What of a student learns, and whether it does the work of any encoder: tune, bundle, embed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from multiprot.cli.main import main
from multiprot.data import make_synthetic_corpus
from multiprot.embedding import Embedder, EmbedOptions
from multiprot.encoders.contract import Layout
from multiprot.encoders.lora import LoraOptions
from multiprot.errors import PluginError
from multiprot.proteins import ProteinRecord
from multiprot.student.checkpoint import StudentSettings, load_student, save_student
from multiprot.student.config import StudentConfig
from multiprot.student.encoder import StudentEncoder, build_encoder
from multiprot.student.model import Student
from multiprot.student.options import StudentOptions
from tests.finetuning.planted import write_task

CONFIG = StudentConfig(width=64, layers=3)
RECORDS = [
    ProteinRecord(id=f"p{n}", sequence=text)
    for n, text in enumerate(("MKTAYIAKQR", "A", "ACDEFGHIKLMNPQRSTVWYXBZ" * 4, "GGUOJ"))
]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    made = Student(CONFIG)
    save_student(tmp_path / "s", made, StudentSettings(CONFIG, 512, {"name": "x"}), card="# x\n")
    return tmp_path / "s"


def encoder_of(folder: Path, **learning: Any) -> StudentEncoder:
    options = {"checkpoint": str(folder), **learning}
    return build_encoder(StudentOptions.model_validate(options)).train()


def learning_names(encoder: StudentEncoder) -> set[str]:
    """Parameters that a pass back gives a gradient to."""
    tokens = encoder(encoder.featurizer(RECORDS, Layout.PACKED)).values
    if tokens.requires_grad:
        # Of a final norm's output the plain sum of squares is constant.
        weights = torch.randn(tokens.shape, generator=torch.Generator().manual_seed(0))
        (tokens * weights).sum().backward()
    return {name for name, p in encoder.named_parameters() if p.grad is not None and p.grad.any()}


def test_all_of_it_learns_unless_told_otherwise(folder: Path) -> None:
    encoder = encoder_of(folder)
    assert learning_names(encoder) == {name for name, _ in encoder.named_parameters()}
    assert not learning_names(encoder_of(folder, freeze="all"))


@pytest.mark.parametrize("last", [1, 2])
def test_the_last_layers_learn(folder: Path, last: int) -> None:
    names = learning_names(encoder_of(folder, freeze=last))
    blocks = {int(name.split(".")[2]) for name in names if name.startswith("trunk.blocks.")}
    assert blocks == set(range(3 - last, 3))
    others = {name.split(".")[1] for name in names if not name.startswith("trunk.blocks.")}
    assert others == {"norm"}


def test_more_layers_than_there_are_is_an_error(folder: Path) -> None:
    with pytest.raises(PluginError, match=r"student.*3"):
        encoder_of(folder, freeze=4)


@pytest.mark.long
@pytest.mark.parametrize("targets", [None, ("out",)])
def test_adapters_alone_learn_and_begin_as_nothing(
    folder: Path, targets: tuple[str, ...] | None
) -> None:
    lora = LoraOptions(rank=2, targets=targets)
    encoder = encoder_of(folder, lora=lora.model_dump(mode="json"))
    features = encoder.featurizer(RECORDS, Layout.PACKED)
    plain = encoder_of(folder)(features).values
    torch.testing.assert_close(encoder(features).values, plain)
    learning = {name for name, p in encoder.named_parameters() if p.requires_grad}
    assert learning == encoder.adapter_names
    # Of each pair the second is zero, so that at first it alone feels a gradient.
    assert learning_names(encoder) == {name for name in learning if "lora_B" in name}
    wanted = targets or ("query_key_value", "attended")
    assert all(any(f".{target}." in name for target in wanted) for name in learning)


def test_a_residue_sees_its_own_protein_alone(folder: Path) -> None:
    """The gradient of one protein's tokens is zero at all other letters."""
    encoder = encoder_of(folder)
    features = encoder.featurizer(RECORDS, Layout.PACKED)
    seen: list[torch.Tensor] = []
    encoder.trunk.embedding.register_forward_hook(
        lambda module, inputs, output: (output.retain_grad(), seen.append(output))[1]
    )
    values = encoder(features).values
    ends = np.cumsum([len(record) for record in RECORDS])
    values[ends[1] : ends[2], 0].sum().backward()
    assert seen[0].grad is not None
    touched = seen[0].grad.abs().sum(1) > 0
    assert touched[ends[1] : ends[2]].all()
    assert not touched[: ends[1]].any()
    assert not touched[ends[2] :].any()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_neighbours_do_not_move_a_vector(folder: Path, precision: Any) -> None:
    options = EmbedOptions(precision=precision)
    embedder = Embedder.open(f"student:{folder}", options=options)
    together = embedder.embed(RECORDS).vectors
    alone = np.concatenate([embedder.embed([record]).vectors for record in RECORDS])
    np.testing.assert_allclose(together, alone, atol=1e-5 if precision == "fp32" else 0.05)
    whole = Embedder.open(f"student:{folder}").embed(RECORDS).vectors
    cosines = (whole * together).sum(1) / np.linalg.norm(whole, axis=1)
    assert (cosines / np.linalg.norm(together, axis=1)).min() > 0.999


def test_a_vector_is_the_mean_of_the_tokens_that_the_trunk_gives(folder: Path) -> None:
    found = Embedder.open(f"student:{folder}").embed_residues(RECORDS)
    assert found.residues is not None
    trunk = load_student(folder).trunk
    for record, residues, vector in zip(RECORDS, found.residues, found.vectors, strict=True):
        with torch.no_grad():
            tokens = trunk(trunk.featurizer([record], Layout.PACKED)).values.numpy()
        np.testing.assert_allclose(residues, tokens, atol=1e-5)
        np.testing.assert_allclose(vector, tokens.mean(axis=0), atol=1e-5)


@pytest.mark.long
def test_batches_of_any_make_give_the_same_vectors(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", f"student:{folder}"]) == 0
    assert "holds: the largest difference" in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.parametrize("mode", ["frozen", "lora", "full"])
def test_it_is_fine_tuned_and_predicts(folder: Path, tmp_path: Path, mode: str) -> None:
    task = write_task(tmp_path / "task", "binary")
    run = tmp_path / "run"
    command = ["finetune", f"student:{folder}", str(task), "--out", str(run), "--mode", mode]
    assert main([*command, "--epochs", "4", "--head-lr", "0.02"]) == 0
    scores = json.loads((run / "results.json").read_text())
    assert "NaN" not in json.dumps(scores)
    # What was made of it stands by itself.
    shutil.rmtree(folder)
    (tmp_path / "p.fasta").write_text(">a\nDEKRDEKR\n>b\nAILVAILV\n")
    predict = ["predict", str(tmp_path / "p.fasta"), "--model", str(run / "bundle")]
    assert main([*predict, "--out", str(tmp_path / "p.tsv")]) == 0
    assert len((tmp_path / "p.tsv").read_text().splitlines()) == 3


@pytest.mark.long
@pytest.mark.parametrize("learning", [{}, {"freeze": "all"}, {"lora": {"rank": 2}}])
def test_a_fused_model_keeps_it_when_its_folder_is_gone(
    folder: Path, tmp_path: Path, learning: dict[str, Any]
) -> None:
    corpus = make_synthetic_corpus(tmp_path / "corpus", families=3, proteins_per_family=8)
    options = {"checkpoint": str(folder), **learning}
    fusion = {"width": 16, "layers": 1, "heads": 2, "pooling_heads": 2, "shared_dim": 16}
    recipe = {
        "name": "fused",
        "corpus": {"path": str(corpus.path)},
        "model": {"sequence": {"name": "student", "options": options}, "fusion": fusion},
        "objectives": [{"name": "masked-residue"}],
        "batch": {"tokens_per_batch": 256, "crop_residues": 64},
        "trainer": {"max_steps": 3, "accelerator": "cpu"},
    }
    (tmp_path / "fused.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["pretrain", str(tmp_path / "fused.yaml"), "--out", str(tmp_path / "run")]) == 0
    before = Embedder.open(tmp_path / "run" / "bundle").embed(RECORDS).vectors
    trunk = load_student(folder).trunk.state_dict()
    shutil.rmtree(folder)
    opened = Embedder.open(tmp_path / "run" / "bundle")
    np.testing.assert_array_equal(opened.embed(RECORDS).vectors, before)
    text = (tmp_path / "run" / "bundle" / "config.yaml").read_text()
    assert str(folder) not in text, "a saved model names no folder of this machine"
    assert trunk["embedding.weight"].shape[1] == 64
