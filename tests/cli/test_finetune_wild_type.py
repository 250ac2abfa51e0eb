"""`multiprot finetune --wild-type`, as a user runs it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from multiprot.errors import EvaluationError
from multiprot.finetuning import Predictor
from tests.cli.conftest import Run
from tests.finetuning.test_wild_type import mutants


def test_single_proteins_come_in_a_table(run: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    task = mutants(tmp_path / "task", pair=False)
    out = tmp_path / "run"
    given = ("--wild-type", "wild", "--epochs", "1")
    code, _, errors = run("finetune", tiny_bundle, task, "--out", out, *given)
    assert code == 0, errors
    table = tmp_path / "mutants.csv"
    table.write_text("id,sequence,wild\nsame,KLDE,KLDE\nother,KLDE,AAVV\n")
    model = ("--model", out / "bundle", "--out", tmp_path / "said.csv", "--json")
    code, text, errors = run("predict", table, *model)
    assert code == 0, errors
    assert json.loads(text)["rows"] == 2
    rows = list(csv.DictReader((tmp_path / "said.csv").read_text().splitlines()))
    assert float(rows[0]["prediction"]) == 0
    assert float(rows[1]["prediction"]) != 0
    table.write_text("id,sequence\nsame,KLDE\n")
    code, _, errors = run("predict", table, *model, "--overwrite")
    assert code == 2
    assert "no column 'wild'" in errors
    with pytest.raises(EvaluationError, match="beside their wild types"):
        list(Predictor.open(out / "bundle").proteins([]))
