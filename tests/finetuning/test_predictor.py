"""What a fine-tuned bundle says, without the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from multiprot.bundle import (
    PredictionHead,
    PredictionSettings,
)
from multiprot.embedding.embeddings import Failure
from multiprot.errors import BundleError, EmbeddingError, EvaluationError
from multiprot.finetuning import PredictOptions, Predictor
from multiprot.finetuning.entries import TableEntry, read_entries
from multiprot.finetuning.predictor import Predicted
from multiprot.finetuning.tables import prediction_columns, prediction_rows
from multiprot.proteins import ProteinRecord
from tests.finetuning.heads import proteins_of, with_head
from tests.tiny_model import MAX_RESIDUES


@pytest.fixture
def make(tiny_bundle: Path, tmp_path: Path) -> Any:
    """A bundle with a head of random weights."""

    def save(**given: Any) -> Path:
        settings = {"task": "made", "unit": "protein", "target": "binary", "width": 24}
        settings["class_names"] = ("no", "yes")
        torch.manual_seed(0)
        head = PredictionHead(PredictionSettings.model_validate(settings | given))
        return with_head(tiny_bundle, tmp_path / "made", head)

    return save


def test_predictions_come_in_the_order_of_the_records(make: Any) -> None:
    predictor = Predictor.open(make())
    asked = proteins_of(40, 3, 17, 3)
    said = list(predictor.proteins(asked))
    assert [one.id for one in said] == ["p0", "p1", "p2", "p3"]
    assert [one.sequence for one in said] == [record.sequence for record in asked]
    assert np.array_equal(said[1].values, said[3].values)
    assert not np.array_equal(said[0].values, said[1].values)


def test_residues_of_long_proteins_are_all_there(make: Any) -> None:
    predictor = Predictor.open(make(unit="residue", window_overlap=8))
    asked = proteins_of(5, 3 * MAX_RESIDUES)
    short, long = predictor.proteins(asked)
    assert short.values.shape == (5,)
    assert long.values.shape == (3 * MAX_RESIDUES,)
    assert bool(np.isfinite(long.values).all())


def test_windows_are_those_of_the_training(make: Any) -> None:
    asked = proteins_of(60)
    whole, cut = (
        next(Predictor.open(make(max_residues=limit, window_overlap=4)).proteins(asked))
        for limit in (None, 20)
    )
    assert not np.allclose(whole.values, cut.values, atol=1e-6)
    options = PredictOptions(long_proteins="refuse")
    with pytest.raises(EmbeddingError, match="60 residues, the limit is 20"):
        list(Predictor.open(make(max_residues=20), options=options).proteins(asked))


def test_what_is_refused_is_told_and_left_out(make: Any) -> None:
    options = PredictOptions(long_proteins="refuse")
    predictor = Predictor.open(make(), options=options)
    refused: list[Failure] = []
    said = predictor.proteins(proteins_of(4, 2 * MAX_RESIDUES, 6), on_failure=refused.append)
    assert [one.id for one in said] == ["p0", "p2"]
    assert [failure.id for failure in refused] == ["p1"]
    none = predictor.proteins(proteins_of(2 * MAX_RESIDUES), on_failure=refused.append)
    assert list(none) == []
    assert list(predictor.proteins([])) == []


def test_reduced_precision_and_batches_change_little(make: Any) -> None:
    asked = proteins_of(4, 20, 50)
    plain = [one.values for one in Predictor.open(make()).proteins(asked)]
    for options, tolerance in (
        (PredictOptions(precision="bf16"), 0.05),
        (PredictOptions(tokens_per_batch=16), 1e-5),
    ):
        said = [one.values for one in Predictor.open(make(), options=options).proteins(asked)]
        np.testing.assert_allclose(said, plain, atol=tolerance)


def test_structures_are_not_looked_at(make: Any, tiny_records: Any) -> None:
    predictor = Predictor.open(make())
    plain = [ProteinRecord(id=r.id, sequence=r.sequence) for r in tiny_records]
    one, other = (
        np.array([said.values for said in predictor.proteins(asked)])
        for asked in (tiny_records, plain)
    )
    assert any(record.structure is not None for record in tiny_records)
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_entries_of_a_kind_the_head_was_not_made_for_are_refused(
    make: Any, tiny_bundle: Path
) -> None:
    with pytest.raises(EvaluationError, match="for pair entries"):
        list(Predictor.open(make(unit="pair")).proteins(proteins_of(4)))
    with pytest.raises(BundleError, match="predicts nothing"):
        Predictor.open(tiny_bundle)
    with pytest.raises(EvaluationError, match=r"entry odd: .*letter '1'"):
        list(Predictor.open(make(unit="pair")).entries([TableEntry("odd", ("K1", "A"))]))


def test_many_entries_are_taken_some_at_a_time(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor.open(make(unit="pair"))
    asked = [TableEntry(f"e{n}", ("KLDE", "AVIL"[: 1 + n % 4])) for n in range(7)]
    whole = [said.values for said in predictor.entries(asked)]
    monkeypatch.setattr("multiprot.finetuning.predictor._ENTRIES_AT_ONCE", 2)
    parts = [said.values for said in predictor.entries(iter(asked))]
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def settings(**given: Any) -> PredictionSettings:
    plain = {"task": "t", "unit": "protein", "target": "regression", "width": 2}
    return PredictionSettings.model_validate(plain | given)


@pytest.mark.parametrize(
    ("given", "columns", "values", "rows"),
    [
        ({}, ["id", "prediction"], [1.5], [("e", 1.5)]),
        (
            {"target": "binary", "class_names": ("no", "yes")},
            ["id", "prediction", "p(yes)"],
            [0.5],
            [("e", "yes", 0.5)],
        ),
        (
            {"target": "multiclass", "class_names": ("a", "b")},
            ["id", "prediction", "p(a)", "p(b)"],
            [[0.75, 0.25]],
            [("e", "a", 0.75, 0.25)],
        ),
        (
            {"target": "multilabel", "class_names": ("a", "b")},
            ["id", "prediction", "p(a)", "p(b)"],
            [[0.75, 0.5]],
            [("e", ("a", "b"), 0.75, 0.5)],
        ),
        (
            {"unit": "residue"},
            ["id", "residue", "letter", "prediction"],
            [1.0, 2.0],
            [("e", 1, "K", 1.0), ("e", 2, "L", 2.0)],
        ),
    ],
)
def test_tables(
    given: dict[str, Any], columns: list[str], values: list[Any], rows: list[tuple[Any, ...]]
) -> None:
    made = settings(**given)
    assert list(prediction_columns(made)) == columns
    said = Predicted("e", "KL", np.array(values))
    assert list(prediction_rows(made, [said])) == rows
    assert list(prediction_rows(made, [])) == []


def test_tables_of_entries_are_read_whole_or_refused(tmp_path: Path) -> None:
    pair, ligand = settings(unit="pair"), settings(unit="protein_ligand", ligand_bits=8)
    table = tmp_path / "entries.csv"
    table.write_text("id,sequence_a,sequence_b,more\n1,kk,AA,x\n2,KK,VV,y\n")
    assert list(read_entries(table, pair)) == [
        TableEntry("1", ("KK", "AA")),
        TableEntry("2", ("KK", "VV")),
    ]
    with pytest.raises(EvaluationError, match="no column 'sequence'"):
        list(read_entries(table, ligand))
    table.write_text("id,sequence,smiles\n1,KK,CCO\n")
    assert list(read_entries(table, ligand)) == [TableEntry("1", ("KK",), "CCO")]
    table.write_text("id,sequence_a,sequence_b\n1,KK,AA\n1,KK,VV\n")
    with pytest.raises(EvaluationError, match="id '1' stands on more than one row"):
        list(read_entries(table, pair))


def test_predicting_imports_no_trainer() -> None:
    program = (
        "import sys; from multiprot.finetuning import Predictor; import multiprot.cli.predict;"
        "print([n for n in sys.modules if n.partition('.')[0] in ('lightning', 'peft')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
