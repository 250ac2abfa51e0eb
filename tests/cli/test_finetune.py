"""`multiprot finetune` and `multiprot predict`, as a user runs them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from multiprot.embedding import EmbeddingStore
from multiprot.proteins import ProteinRecord, write_fasta
from tests.cli.conftest import Run
from tests.finetuning.planted import CHARGED, GREASY, write_task

QUICK = ("--epochs", "3", "--head-lr", "0.05", "--batch-entries", "16")


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    records = [
        ProteinRecord(id="charged", sequence=CHARGED * 4),
        ProteinRecord(id="greasy", sequence=GREASY * 4),
        ProteinRecord(id="long", sequence=CHARGED * 50),
    ]
    write_fasta(records, tmp_path / "proteins.fasta")
    return tmp_path / "proteins.fasta"


def fine_tuned(run: Run, tiny_bundle: Path, folder: Path, task_type: str) -> Path:
    task = write_task(folder / "task", task_type)
    code, _, errors = run("finetune", tiny_bundle, task, "--out", folder / "run", *QUICK)
    assert code == 0, errors
    return folder / "run" / "bundle"


def rows_of(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def test_fine_tuned_it_embeds_and_predicts(
    run: Run, tiny_bundle: Path, tmp_path: Path, fasta: Path
) -> None:
    task = write_task(tmp_path / "task", "multiclass")
    out = tmp_path / "run"
    code, text, errors = run("finetune", tiny_bundle, task, "--out", out, *QUICK)
    assert code == 0, errors
    assert "accuracy" in text
    assert f"next:  multiprot predict INPUT --model {out / 'bundle'}" in text
    assert "step 3: valid" in errors
    table = tmp_path / "said.csv"
    code, text, errors = run("predict", fasta, "--model", out / "bundle", "--out", table)
    assert (code, text) == (0, f"3 rows, in {table}\n"), errors
    rows = rows_of(table)
    assert list(rows[0]) == ["id", "prediction", "p(charged)", "p(greasy)"]
    assert [row["prediction"] for row in rows] == ["charged", "greasy", "charged"]
    assert all(float(r["p(charged)"]) + float(r["p(greasy)"]) == pytest.approx(1) for r in rows)
    code, _, errors = run("embed", fasta, "--model", out / "bundle", "--out", tmp_path / "vectors")
    assert code == 0, errors
    assert len(EmbeddingStore.open(tmp_path / "vectors")) == 3


def test_residues_have_a_row_each(run: Run, tiny_bundle: Path, tmp_path: Path, fasta: Path) -> None:
    model = fine_tuned(run, tiny_bundle, tmp_path, "residue_binary")
    table = tmp_path / "said.parquet"
    code, _, errors = run("predict", fasta, "--model", model, "--out", table)
    assert code == 0, errors
    found = pq.read_table(table).to_pydict()
    assert list(found) == ["id", "residue", "letter", "prediction", "p(1)"]
    assert found["residue"][:17] == [*range(1, 17), 1]
    assert "".join(found["letter"][:16]) == CHARGED * 4
    assert len(found["id"]) == 16 + 16 + 200
    said = np.array(found["p(1)"])
    assert [row >= 0.5 for row in said] == [word == "1" for word in found["prediction"]]
    assert said[:16].mean() > said[16:32].mean()


def test_numbers_and_sets_of_labels(
    run: Run, tiny_bundle: Path, tmp_path: Path, fasta: Path
) -> None:
    for task_type, columns in (
        ("regression", ["id", "prediction"]),
        ("multilabel", ["id", "prediction", "p(any)", "p(charged)", "p(greasy)"]),
    ):
        model = fine_tuned(run, tiny_bundle, tmp_path / task_type, task_type)
        table = tmp_path / f"{task_type}.tsv"
        code, _, errors = run("predict", fasta, "--model", model, "--out", table)
        assert code == 0, errors
        rows = rows_of(table, "\t")
        assert list(rows[0]) == columns
        if task_type == "regression":
            assert float(rows[0]["prediction"]) > float(rows[1]["prediction"])
        else:
            held = {
                name for name in ("any", "charged", "greasy") if float(rows[0][f"p({name})"]) >= 0.5
            }
            assert set(rows[0]["prediction"].split(";")) - {""} == held


def test_pairs_come_in_a_table(run: Run, tiny_bundle: Path, tmp_path: Path, fasta: Path) -> None:
    model = fine_tuned(run, tiny_bundle, tmp_path, "pair_binary")
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("id,sequence_a,sequence_b\none,KDER,AVIL\nother,avil,kder\nodd,K1,KK\n")
    table = tmp_path / "said.csv"
    code, text, errors = run("predict", pairs, "--model", model, "--out", table, "--json")
    assert code == 0, errors
    summary = json.loads(text)
    assert (summary["rows"], summary["task"]) == (2, "task")
    assert "letter '1'" in summary["refused"]["odd"]
    rows = rows_of(table)
    assert [row["id"] for row in rows] == ["one", "other"]
    assert rows[0]["p(1)"] == rows[1]["p(1)"]
    for inputs, told in (
        ([fasta], "not a table|no column 'id'"),
        ([pairs, pairs], "one table"),
    ):
        code, _, errors = run("predict", *inputs, "--model", model, "--out", tmp_path / "x.csv")
        assert code == 2
        assert any(part in errors for part in told.split("|"))
        assert not (tmp_path / "x.csv").exists()


def test_ligands_come_in_a_table(run: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("rdkit")
    model = fine_tuned(run, tiny_bundle, tmp_path, "protein_ligand_binary")
    table = tmp_path / "entries.csv"
    table.write_text("id,sequence,smiles\none,KDER,CCO\nother,KDER,c1ccccc1\n")
    code, _, errors = run("predict", table, "--model", model, "--out", tmp_path / "said.csv")
    assert code == 0, errors
    ethanol, benzene = (float(row["p(1)"]) for row in rows_of(tmp_path / "said.csv"))
    assert ethanol < benzene


def test_what_cannot_be_used_is_named(run: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    model = fine_tuned(run, tiny_bundle, tmp_path, "binary")
    bad = tmp_path / "bad.fasta"
    bad.write_text(f">fine\nKDER\n>odd\nK1\n>fine\nAVIL\n>long\n{'KD' * 100}\n")
    table = tmp_path / "said.csv"
    given = ("predict", bad, "--model", model, "--out", table, "--long-proteins", "refuse")
    code, text, errors = run(*given)
    assert (code, text) == (0, f"1 rows, in {table}\n")
    refused = [line for line in errors.splitlines() if line.startswith("refused: ")]
    assert len(refused) == 3
    assert "an earlier record has this id" in errors
    assert "200 residues, the limit is 96" in errors
    code, _, errors = run(*given)
    assert code == 2
    assert "already exists" in errors
    before = table.read_bytes()
    code, _, errors = run(*given, "--overwrite", "--strict")
    assert code == 2
    assert "odd" in errors
    assert table.read_bytes() == before


def test_what_is_wrong_is_said_in_one_line(
    run: Run, tiny_bundle: Path, tmp_path: Path, fasta: Path
) -> None:
    task = write_task(tmp_path / "task", "binary")
    out = tmp_path / "run"
    for arguments, told in (
        (("finetune", tiny_bundle, task, "--out", out, "--mode", "half"), "--mode half"),
        (("finetune", tiny_bundle, task, "--out", out, "--resume", "--overwrite"), "exclude"),
        (("finetune", tiny_bundle, tmp_path, "--out", out), "no task.json"),
        (("finetune", tmp_path / "no", task, "--out", out), "no such folder"),
        (("predict", fasta, "--model", tiny_bundle, "--out", "said.csv"), "predicts nothing"),
        (("predict", fasta, "--model", tiny_bundle, "--out", "said.xls"), "format"),
    ):
        code, _, errors = run(*arguments)
        assert code == 2, arguments
        assert told in errors
        assert len(errors.splitlines()) == 1
        assert not out.exists()
