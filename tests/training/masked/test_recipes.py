"""The recipes of base sequence models, and the script that runs them in pieces."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from multiprot.cli.recipes import resolve_masked, resolve_recipe
from multiprot.student.checkpoint import load_student
from multiprot.student.model import Student
from multiprot.training.checkpoint_files import list_checkpoints, step_of
from tests.training.masked.conftest import two_kinds

ROOT = Path(__file__).parents[3]
RECIPES = ROOT / "configs" / "pretrain"
TINY = ("model.width=64", "model.layers=1", "batch.tokens_per_batch=512", "trainer.threads=1")


@pytest.mark.parametrize(
    ("name", "millions"),
    [("base-sequence", 2), ("base-sequence-mini", 8), ("base-sequence-35m", 35)],
)
def test_sizes_are_those_that_are_promised(name: str, millions: float) -> None:
    resolved = resolve_masked([str(RECIPES / f"{name}.yaml")])
    assert resolved is not None
    with torch.device("meta"):
        made = sum(p.numel() for p in Student(resolved.value.model).parameters())
    assert made / 1e6 == pytest.approx(millions, rel=0.15)
    # A tenth of the steps warms up at most, and the plan is that of the smallest one.
    assert resolved.value.schedule.warmup_steps < resolved.value.trainer.max_steps / 10
    assert str(resolved.value.sequences) == "runs/sequences"


def test_weights_of_mini_fit_into_a_wheel() -> None:
    resolved = resolve_masked([str(RECIPES / "base-sequence-mini.yaml")])
    assert resolved is not None
    with torch.device("meta"):
        numbers = sum(p.numel() for p in Student(resolved.value.model).parameters())
    assert 2 * numbers <= 16 * 10**6


def test_other_recipes_are_no_students() -> None:
    assert resolve_masked([]) is None
    assert resolve_masked([str(RECIPES / "real-cpu.yaml")]) is None
    assert resolve_recipe([str(RECIPES / "real-cpu.yaml")]).value.name == "real-cpu"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder like the project's with the script, the recipes and a little of everything."""
    root = tmp_path / "project"
    for name in ("scripts", "configs"):
        shutil.copytree(ROOT / name, root / name)
    shared = root.parent / "shared" / "data"
    for name in ("sequences", "pretrain"):
        (shared / name).mkdir(parents=True)
    records = two_kinds(160)
    texts = [f">{record.id}\n{record.sequence}\n" for record in records]
    (shared / "sequences" / "sequences.fasta.xz").write_bytes(
        lzma.compress("".join(texts[:120]).encode())
    )
    for name, text in (
        ("sequences.fasta", "".join(texts[120:])),
        ("splits.tsv", "protein_id\tsplit\n" + "".join(f"p{n}\tvalid\n" for n in range(120, 150))),
        ("downstream_screen.tsv", "protein_id\ttask\np155\tsome\n"),
    ):
        (shared / "pretrain" / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    return root


def piece(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [str(project / "scripts" / "train_base.sh"), *arguments],
        env={k: v for k, v in os.environ.items() if k != "MULTIPROT_SHARED"} | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--device", "tpu"), "--device tpu: give cpu or cuda"),
        (("--size", "huge"), "--size huge: give nano, mini or 35m"),
        (("--fast",), "no option --fast"),
    ],
)
def test_a_wrong_option_is_named(project: Path, arguments: tuple[str, ...], told: str) -> None:
    done = piece(project, *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert not (project / "runs").exists()


@pytest.mark.long
def test_pieces_make_the_model_of_one_run(project: Path) -> None:
    level = (*TINY, "schedule.shape=constant", "trainer.log_every=1000")
    run = project / "runs" / "base-nano"
    # More steps than there is time for, ended from outside.
    stopped = piece(project, "--minutes", "0.5", *level, "trainer.max_steps=1000000")
    assert stopped.returncode == 75, stopped.stderr
    assert "the same command goes on" in stopped.stderr
    last = step_of(list_checkpoints(run / "checkpoints")[-1])
    ended = (*level, f"trainer.max_steps={last + 3}")
    assert piece(project, *ended).returncode == 0
    found = load_student(run / "model").state_dict()
    shutil.rmtree(run)
    assert piece(project, *ended).returncode == 0
    for name, tensor in load_student(run / "model").state_dict().items():
        assert torch.equal(found[name], tensor), name
