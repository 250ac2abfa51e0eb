"""`multiprot config show` and `multiprot config schema`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multiprot.cli.main import main
from multiprot.cli.recipes import find_recipe, packaged_recipes, split_recipe
from multiprot.config import load_config
from multiprot.errors import ConfigError
from multiprot.training.config import PretrainConfig
from multiprot.training.masked.config import MaskedConfig


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["config", *arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_without_a_recipe_the_embedded_default_is_shown(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = _run(capsys, "show")
    assert (code, err) == (0, "")
    (tmp_path / "r.yaml").write_text(out)
    shown = load_config(PretrainConfig, tmp_path / "r.yaml").value
    assert shown == load_config(PretrainConfig, find_recipe("quickstart")).value


def test_origins(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(f"extends: {find_recipe(None)}\nseed: 5\n")
    _, out, _ = _run(capsys, "show", str(recipe), "name=x", "--origins")
    assert f"seed: 5  # {recipe}:2\n" in out
    assert "name: x  # command line\n" in out
    assert "quickstart.yaml:" in out


@pytest.mark.parametrize("origins", [False, True])
def test_json(capsys: pytest.CaptureFixture[str], origins: bool) -> None:
    flags = ["--origins"] if origins else []
    shown = json.loads(_run(capsys, "show", "quickstart", "seed=7", "--json", *flags)[1])
    config = shown["config"] if origins else shown
    assert config["seed"] == 7
    if origins:
        assert shown["origins"]["seed"] == "command line"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["sed=1"], "command line: sed = 1: unknown key; did you mean 'seed'?"),
        (["peak_lr=1"], "did you mean 'optimizer.peak_lr'?"),
        (["model.sequence.options.widht=1"], "model.sequence.options.widht = 1: unknown key"),
        (["model.sequence.name=esm9000"], "unknown sequence encoder 'esm9000'"),
        (["gone.yaml"], "gone.yaml: no such file"),
        (["gone"], "recipe 'gone': neither a file nor a packaged recipe; packaged are: quickstart"),
        (["seed=1", "quickstart"], "give one recipe first"),
        (["quickstart", "other"], "give one recipe first"),
    ],
)
def test_mistakes_are_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    code, out, err = _run(capsys, "show", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert complaint in err
    assert err.count("\n") == 1


def test_schema_accepts_what_it_describes(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(_run(capsys, "schema")[1])
    assert schema["additionalProperties"] is False
    assert set(PretrainConfig.model_fields) | {"extends"} == set(schema["properties"])
    assert all("description" in part or "$ref" in part for part in schema["properties"].values())


def test_students_have_a_schema_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(_run(capsys, "schema", "--kind", "masked-sequence")[1])
    assert set(MaskedConfig.model_fields) | {"extends"} == set(schema["properties"])
    assert schema["properties"]["kind"]["const"] == "masked-sequence"
    assert _run(capsys, "schema", "--kind", "other")[0] == 2


def test_every_packaged_recipe_resolves(capsys: pytest.CaptureFixture[str]) -> None:
    assert "quickstart" in packaged_recipes()
    for name in packaged_recipes():
        assert _run(capsys, "show", name)[0] == 0, name


def test_a_file_beside_goes_before_a_packaged_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_recipe("quickstart") != Path("quickstart")
    Path("quickstart").write_text("seed: 1\n")
    assert find_recipe("quickstart") == Path("quickstart")


def test_arguments_are_split() -> None:
    assert split_recipe([]) == (None, ())
    assert split_recipe(["a=1", "b=2"]) == (None, ("a=1", "b=2"))
    assert split_recipe(["r.yaml", "a=1"]) == ("r.yaml", ("a=1",))
    with pytest.raises(ConfigError, match="one recipe first"):
        split_recipe(["a=1", "r.yaml"])
