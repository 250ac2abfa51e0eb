"""`multiprot pretrain` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from multiprot.cli.main import INTERRUPTED, OK, USER_ERROR, main
from multiprot.data import Corpus, make_synthetic_corpus
from multiprot.training.callbacks.interruption import TrainingInterrupted

RECIPE = {
    "name": "small",
    "model": {
        "sequence": {"name": "residue-transformer", "options": {"width": 16, "layers": 1}},
        "fusion": {"width": 16, "layers": 1, "heads": 2, "pooling_heads": 2, "shared_dim": 16},
    },
    "objectives": [{"name": "masked-residue"}],
    "batch": {"tokens_per_batch": 512, "crop_residues": 64},
    "trainer": {"max_steps": 3, "log_every": 1, "validate_every": 2, "accelerator": "cpu"},
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    out = tmp_path_factory.mktemp("cli-pretrain") / "corpus"
    return make_synthetic_corpus(out, families=4, proteins_per_family=8)


@pytest.fixture
def recipe(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    content = {**RECIPE, "corpus": {"path": str(corpus.path)}}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(content))
    return "small.yaml"


def fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr of a command that must fail with exit code 2."""
    assert main(arguments) == USER_ERROR
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("error: ")
    return captured.err


def test_run_ends_with_a_table_and_the_next_command(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pretrain", recipe, "trainer.max_steps=4"]) == OK
    out = capsys.readouterr().out
    assert "masked-residue/accuracy" in out
    assert "frequencies alone" in out
    assert "4 steps" in out
    assert "waiting for data" in out
    assert "multiprot embed PROTEINS.fasta --model runs/small/bundle --out vectors" in out
    assert (tmp_path / "runs" / "small" / "bundle" / "bundle.json").is_file()
    assert "command line" in (tmp_path / "runs" / "small" / "config.yaml").read_text()


def test_json_is_all_there_is_on_stdout(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pretrain", recipe, "--out", "run", "--json"]) == OK
    results = json.loads(capsys.readouterr().out)
    assert results["steps"] == 3
    assert results == json.loads(Path("run/results.json").read_text())


@pytest.mark.parametrize("as_json", [True, False])
def test_dry_run_writes_nothing(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    before = sorted(tmp_path.rglob("*"))
    flags = ["--json"] if as_json else []
    assert main(["pretrain", recipe, "--dry-run", "--out", "run", *flags]) == OK
    out = capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before
    if as_json:
        assert json.loads(out)["steps"] == 3
    else:
        assert "trainable parameters" in out
        assert "nothing was written" in out


def test_resume_needs_nothing_but_the_folder(
    recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pretrain", recipe, "--out", "run"]) == OK
    capsys.readouterr()
    assert "complete after 3 steps" in fails(["pretrain", "--out", "run", "--resume"], capsys)
    assert main(["pretrain", "--out", "run", "--resume", "trainer.max_steps=5"]) == OK
    assert "5 steps" in capsys.readouterr().out


def test_bad_input_is_one_line_and_exit_code_2(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "missing.yaml" in fails(["pretrain", "missing.yaml"], capsys)
    assert "max_steps" in fails(["pretrain", recipe, "trainer.max_step=1"], capsys)
    assert "exclude each other" in fails(["pretrain", recipe, "--resume", "--overwrite"], capsys)
    assert "exclude each other" in fails(["pretrain", recipe, "--resume", "--dry-run"], capsys)
    assert "no run to resume" in fails(["pretrain", recipe, "--resume"], capsys)
    assert "no such corpus" in fails(["pretrain", recipe, "corpus.path=nowhere"], capsys)
    assert not (tmp_path / "runs").exists()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    assert "--overwrite" in fails(["pretrain", recipe, "--out", "run"], capsys)
    assert "not a run" in fails(["pretrain", recipe, "--out", "run", "--overwrite"], capsys)
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


def test_interruption_says_how_to_go_on(
    recipe: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*args: object, **kwargs: object) -> None:
        raise TrainingInterrupted(7, 2)

    monkeypatch.setattr("multiprot.training.run.pretrain", stop)
    assert main(["pretrain", recipe, "--out", "my run"]) == INTERRUPTED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "stopped after step 7" in captured.err
    assert "multiprot pretrain --resume --out 'my run'" in captured.err


def test_without_lightning_the_extra_is_named(
    recipe: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'multiprot[train]'" in fails(["pretrain", recipe], capsys)
