"""`multiprot predict`: what goes in, what comes out, and what is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from multiprot.bundle import PredictionHead, PredictionSettings
from multiprot.finetuning import PredictOptions, Predictor
from multiprot.proteins import write_fasta
from multiprot.training.finetune.options import FineTuneOptions
from tests.cli.conftest import Run
from tests.finetuning.heads import proteins_of, with_head
from tests.tiny_model import MAX_RESIDUES

MakeModel = Callable[..., Path]
NAMES = ("a", "b", "c")


@pytest.fixture
def make_model(tiny_bundle: Path, tmp_path: Path) -> MakeModel:
    """A bundle with a head of random weights."""

    def save(**given: Any) -> Path:
        told = {"task": "made", "unit": "protein", "target": "multiclass", "width": 24}
        settings = PredictionSettings.model_validate({**told, "class_names": NAMES, **given})
        torch.manual_seed(0)
        return with_head(tiny_bundle, tmp_path / "model", PredictionHead(settings))

    return save


def fasta(folder: Path, *lengths: int) -> Path:
    path = folder / "asked.fasta"
    write_fasta(proteins_of(*lengths), path)
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))


def probabilities(path: Path) -> np.ndarray[Any, Any]:
    return np.array([[float(row[f"p({name})"]) for name in NAMES] for row in rows_of(path)])


def test_all_formats_say_what_the_predictor_says(
    run: Run, make_model: MakeModel, tmp_path: Path
) -> None:
    model, asked = make_model(), proteins_of(7, 40, 1, 23, 7)
    said = list(Predictor.open(model).proteins(asked))
    expected = np.concatenate([one.values for one in said])
    path = fasta(tmp_path, 7, 40, 1, 23, 7)
    for suffix in ("csv", "tsv", "parquet"):
        table = tmp_path / f"said.{suffix}"
        code, _, errors = run("predict", path, "--model", model, "--out", table)
        assert code == 0, errors
        rows, found = rows_of(table), probabilities(table)
        assert [row["id"] for row in rows] == ["p0", "p1", "p2", "p3", "p4"]
        np.testing.assert_allclose(found, expected, rtol=2e-6)
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
        assert [row["prediction"] for row in rows] == [NAMES[i] for i in expected.argmax(axis=1)]
        assert list(found[0]) == list(found[4])


@pytest.mark.parametrize("tokens", [1, 50, 4096])
def test_neighbours_order_and_budget_change_nothing(
    make_model: MakeModel, tmp_path: Path, tokens: int
) -> None:
    model, asked = make_model(), proteins_of(30, 3, 90, 1, 17, 250)
    plain = {one.id: one.values for one in Predictor.open(model).proteins(asked)}
    predictor = Predictor.open(model, options=PredictOptions(tokens_per_batch=tokens))
    order = np.random.default_rng(tokens).permutation(len(asked))
    shuffled = list(predictor.proteins([asked[n] for n in order]))
    assert [one.id for one in shuffled] == [asked[n].id for n in order]
    alone = [one for record in asked for one in predictor.proteins([record])]
    for one in (*shuffled, *alone):
        np.testing.assert_allclose(one.values, plain[one.id], atol=1e-6)


def test_one_residue_and_windows_each_have_all_their_rows(
    run: Run, make_model: MakeModel, tmp_path: Path
) -> None:
    model = make_model(unit="residue", window_overlap=8)
    lengths = (1, MAX_RESIDUES, MAX_RESIDUES + 1, 3 * MAX_RESIDUES)
    table = tmp_path / "said.csv"
    code, _, errors = run("predict", fasta(tmp_path, *lengths), "--model", model, "--out", table)
    assert code == 0, errors
    rows = rows_of(table)
    for number, record in enumerate(proteins_of(*lengths)):
        own = [row for row in rows if row["id"] == f"p{number}"]
        assert [int(row["residue"]) for row in own] == [*range(1, len(record) + 1)]
        assert "".join(row["letter"] for row in own) == record.sequence
    np.testing.assert_allclose(probabilities(table).sum(axis=1), 1, rtol=1e-6)


def test_refused_records_are_listed_and_the_others_stay_in_order(
    run: Run, make_model: MakeModel, tmp_path: Path
) -> None:
    path, table = tmp_path / "asked.fasta", tmp_path / "said.csv"
    long = "K" * (MAX_RESIDUES + 1)
    path.write_text(f">z\nKLDE\n>odd\nK1\n>z\nAVIL\n>long\n{long}\n>void\n\n>a\nX\n")
    given = ("predict", path, "--model", make_model(), "--out", table)
    code, text, errors = run(*given, "--long-proteins", "refuse", "--json")
    assert code == 0, errors
    summary = json.loads(text)
    assert [row["id"] for row in rows_of(table)] == ["z", "a"]
    assert summary["rows"] == 2
    reasons = " ".join(summary["refused"].values())
    for told in ("'1'", "earlier record", f"{MAX_RESIDUES + 1} residues", "no residues"):
        assert told in reasons
    code, _, _ = run(*given, "--overwrite")
    assert code == 0
    assert [row["id"] for row in rows_of(table)] == ["z", "long", "a"]


def test_an_empty_file_gives_a_table_without_rows(
    run: Run, make_model: MakeModel, tmp_path: Path
) -> None:
    path = tmp_path / "empty.fasta"
    path.write_text("")
    model = make_model()
    for suffix in ("csv", "parquet"):
        table = tmp_path / f"said.{suffix}"
        code, _, errors = run("predict", path, "--model", model, "--out", table)
        assert code == 0
        assert "no FASTA record" in errors
        assert rows_of(table) == []
        code, _, errors = run("predict", path, "--model", model, "--out", table, "--strict")
        assert code == 2
        assert "already exists" in errors


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,sequence_a\none,KK\n", "no column 'sequence_b'"),
        ("sequence_a,sequence_b\nKK,AA\n", "no column 'id'"),
        ("id,sequence_a,sequence_b\n", "no rows"),
        ("id,sequence_a,sequence_b\none,KK,AA\none,AA,KK\n", "more than one row"),
        ("id,sequence_a,sequence_b\none,KK,AA\n,AA,KK\n", "row 2 has no id"),
    ],
)
def test_a_pair_table_that_lacks_something_is_refused(
    run: Run, make_model: MakeModel, tmp_path: Path, text: str, told: str
) -> None:
    path, table = tmp_path / "pairs.csv", tmp_path / "said.csv"
    path.write_text(text)
    code, _, errors = run("predict", path, "--model", make_model(unit="pair"), "--out", table)
    assert code == 2
    assert told in errors
    assert str(path) in errors
    assert not table.exists()


def test_a_ligand_that_cannot_be_read_stops_nobody_else(
    run: Run, make_model: MakeModel, tmp_path: Path
) -> None:
    pytest.importorskip("rdkit")
    model = make_model(unit="protein_ligand", ligand_bits=1024)
    path, table, alone = (tmp_path / name for name in ("asked.csv", "said.csv", "alone.csv"))
    path.write_text("id,sequence,smiles\none,KDER,CCO\nodd,KDER,C((\nnone,KK,\nother,KK,CCO\n")
    code, text, errors = run("predict", path, "--model", model, "--out", table, "--json")
    assert code == 0, errors
    assert [row["id"] for row in rows_of(table)] == ["one", "other"]
    refused = json.loads(text)["refused"]
    assert set(refused) == {"odd", "none"}
    assert "RDKit cannot read the SMILES 'C(('" in refused["odd"]
    path.write_text("id,sequence,smiles\nother,KK,CCO\n")
    assert run("predict", path, "--model", model, "--out", alone)[0] == 0
    np.testing.assert_allclose(probabilities(alone)[0], probabilities(table)[1], rtol=1e-5)
    path.write_text("id,sequence,smiles\nodd,KK,C((\n")
    code, text, errors = run("predict", path, "--model", model, "--out", table, "--overwrite")
    assert (code, text) == (0, f"0 rows, in {table}\n"), errors


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--head-lr", "inf"),
        ("--head-lr", "nan"),
        ("--backbone-lr", "inf"),
        ("--weight-decay", "inf"),
        ("--weight-decay", "-1"),
        ("--gradient-clip", "inf"),
        ("--lora-alpha", "inf"),
        ("--lora-rank", "0"),
        ("--valid-share", "0"),
        ("--dropout", "1"),
        ("--patience", "0"),
        ("--class-weights", "some"),
        ("--schedule", "step"),
        ("--seed", "-1"),
        ("--window-overlap", "-1"),
    ],
)
def test_a_bad_option_of_fine_tuning_is_named(
    run: Run, tmp_path: Path, option: str, value: str
) -> None:
    code, _, errors = run("finetune", "model", "task", "--out", tmp_path / "run", option, value)
    assert code == 2
    assert errors.startswith(f"error: {option} ")
    assert len(errors.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("verb", "options"), [("finetune", FineTuneOptions), ("predict", PredictOptions)]
)
def test_help_tells_of_every_option(
    run: Run, monkeypatch: pytest.MonkeyPatch, verb: str, options: type[FineTuneOptions]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, text, _ = run(verb, "--help")
    assert code == 0
    for name in options.model_fields:
        assert f"--{name.replace('_', '-')} " in text, name
