"""`multiprot pretrain` and `multiprot config show` with recipes of students, as a user types."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from multiprot.cli.main import main
from multiprot.cli.recipes import resolve_masked
from multiprot.data.sequences import SequenceShards
from multiprot.errors import ConfigError
from multiprot.student.checkpoint import read_settings

BODY = """\
sequences: {sequences}
model: {{width: 64, layers: 1}}
batch: {{tokens_per_batch: 128}}
trainer: {{max_steps: 3, log_every: 1, accelerator: cpu, threads: 1}}
"""


@pytest.fixture
def recipe(shards: SequenceShards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    text = BODY.format(sequences=shards.path)
    (tmp_path / "tiny.yaml").write_text("kind: masked-sequence\nname: tiny\n" + text)
    return tmp_path / "tiny.yaml"


def changed(recipe: Path, name: str, old: str, new: str) -> str:
    """The recipe with a line replaced, under another name."""
    text = recipe.read_text()
    assert old in text
    (recipe.parent / name).write_text(text.replace(old, new))
    return str(recipe.parent / name)


def fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What stderr says of a command that must fail with exit code 2."""
    capsys.readouterr()
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    return told.err


@pytest.mark.parametrize(
    "said",
    [
        'kind: "masked-sequence"',
        "kind:  masked-sequence  # a student",
        "'kind': masked-sequence",
        "kind:\n  masked-sequence",
    ],
)
def test_its_kind_may_be_written_as_yaml_allows(recipe: Path, said: str) -> None:
    other = changed(recipe, "other.yaml", "kind: masked-sequence", said)
    found = resolve_masked([other])
    assert found is not None
    assert found.value.batch.tokens_per_batch == 128


def test_a_recipe_that_extends_another_is_of_its_kind(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (recipe.parent / "child.yaml").write_text("extends: tiny.yaml\nname: child\nseed: 4\n")
    found = resolve_masked(["child.yaml", "optimizer.peak_lr=2e-3"])
    assert found is not None
    assert (found.value.name, found.value.seed) == ("child", 4)
    assert found.value.optimizer.peak_lr == 2e-3
    assert found.origins["batch.tokens_per_batch"].endswith("tiny.yaml:5")
    assert found.origins["optimizer.peak_lr"] == "command line"
    assert main(["pretrain", "child.yaml", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 3
    assert not (recipe.parent / "runs").exists()


def test_a_fused_recipe_is_none_of_them() -> None:
    assert resolve_masked([]) is None
    assert resolve_masked(["quickstart", "seed=3"]) is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("kind: masked-sequence", "kind: masked-sequences", "1: kind = 'masked-sequences': must"),
        ("kind: masked-sequence", "kind: masked", "1: kind = 'masked': must be 'masked-sequence'"),
        (
            "tokens_per_batch",
            "tokens_per_bach",
            "batch.tokens_per_bach = 128: unknown key; did you mean 'tokens_per_batch'",
        ),
        ("width: 64", "width: 100", "model.width = 100: must be a multiple of 64"),
        ("name: tiny", "name: tiny\nobjectives: []", "objectives = []: unknown key"),
        ("name: tiny", "name: tiny\nmasking: {rate: 1.5}", "masking.rate = 1.5"),
        (
            "name: tiny",
            "name: tiny\nmasking: {from_structure: true}",
            "from_structure is for recipes with structures",
        ),
        (
            "name: tiny",
            "name: tiny\noptimizer: {encoder_lr: {sequence: 0.1}}",
            "encoder_lr is for recipes of several encoders",
        ),
        ("sequences:", "# sequences:", "sequences: is required but not given"),
    ],
)
def test_a_mistake_in_a_recipe_is_told_with_its_line(
    recipe: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, told: str
) -> None:
    errors = fails(["pretrain", changed(recipe, "wrong.yaml", old, new)], capsys)
    assert told in errors
    assert errors.startswith("error: ")
    assert "wrong.yaml" in errors
    assert errors.count("\n") == 1, "one finding"


def test_an_override_is_checked_as_the_file_is(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["pretrain", str(recipe), "--dry-run"]
    mistyped = fails([*command, "schedule.shap=wsd"], capsys)
    assert "schedule.shap = 'wsd': unknown key; did you mean 'shape'" in mistyped
    assert "command line: trainer.max_steps = 0" in fails([*command, "trainer.max_steps=0"], capsys)
    gone = fails([*command, "sequences=nowhere"], capsys)
    assert "nowhere: no manifest.json in it; make the folder with" in gone
    with pytest.raises(ConfigError, match="an override is written KEY=VALUE"):
        resolve_masked([str(recipe), "=3"])


@pytest.mark.parametrize("flags", [[], ["--origins"], ["--json"]])
def test_config_show_knows_recipes_of_students(
    recipe: Path, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    assert main(["config", "show", str(recipe), "seed=9", *flags]) == 0
    out = capsys.readouterr().out
    if flags == ["--json"]:
        assert json.loads(out)["masking"]["rate"] == 0.15
        return
    assert ("seed: 9  # command line" if flags else "seed: 9\n") in out
    (recipe.parent / "shown.yaml").write_text(out)
    shown, wanted = resolve_masked(["shown.yaml"]), resolve_masked([str(recipe), "seed=9"])
    assert shown is not None
    assert wanted is not None
    assert shown.value == wanted.value


def results_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["pretrain", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_run_by_commands_from_start_to_overwritten(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    level = "schedule.shape=constant"
    first = results_of(capsys, str(recipe), level)
    run = recipe.parent / "runs" / "tiny"
    assert first == json.loads((run / "results.json").read_text())
    assert "already exists; go on with --resume" in fails(["pretrain", str(recipe)], capsys)
    resume = ["--resume", "--out", str(run)]
    assert "the run is complete after 3 steps" in fails(["pretrain", *resume], capsys)
    other = fails(["pretrain", *resume, "batch.tokens_per_batch=64"], capsys)
    assert "batch.tokens_per_batch was 128 and is 64" in other
    more = results_of(capsys, *resume, "trainer.max_steps=5", "batch.workers=1")
    assert more["steps"] == 5
    assert read_settings(run / "model").provenance["training"]["steps"] == 5
    again = results_of(capsys, str(recipe), level, "--overwrite")
    assert again["rows"] == first["rows"]
    assert not list((run / "checkpoints").glob("*5.ckpt"))


def test_overwrite_removes_runs_alone(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (recipe.parent / "mine").mkdir()
    (recipe.parent / "mine" / "thesis.txt").write_text("words")
    command = ["pretrain", str(recipe), "--out", str(recipe.parent / "mine"), "--overwrite"]
    assert "mine" in fails(command, capsys)
    assert (recipe.parent / "mine" / "thesis.txt").read_text() == "words"


def test_training_needs_no_reader_of_structures(recipe: Path, tmp_path: Path) -> None:
    """On a machine that is lent for its GPU only what trains is installed."""
    code = (
        "import sys\n"
        "for name in ('biotite', 'gemmi', 'goatools', 'obonet', 'torch_geometric', 'sklearn'):\n"
        "    sys.modules[name] = None\n"
        "from multiprot.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, "pretrain", str(recipe), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert read_settings(tmp_path / "run" / "model").config.width == 64
