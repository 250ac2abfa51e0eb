"""A model's scores do not depend on where its vectors were kept, nor on what was kept already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.cli.main import main
from multiprot.embedding import Embedder, EmbeddingStore
from multiprot.evaluation.features import ModelReference, TaskFeatures, open_source
from multiprot.evaluation.features.cache import VectorCache
from multiprot.evaluation.features.stored import stored_residues, stored_vectors
from multiprot.evaluation.tasks import Task, TaskType, load_task
from multiprot.proteins import ProteinRecord, write_fasta
from tests.evaluation.comparison.planted import store
from tests.evaluation.comparison.sources import (
    DrawnSource,
    planted_task,
    random_sequences,
    residues_of,
    vector_of,
)
from tests.evaluation.tasks.folders import Row

KINDS = (TaskType.REGRESSION, TaskType.RESIDUE_BINARY, TaskType.PAIR_MULTICLASS)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("same") / "tasks"
    for kind in KINDS:
        planted_task(place / kind.value, kind, 60)
    return place


def scores(out: Path) -> list[dict[str, Any]]:
    rows = json.loads((out / "results.json").read_text())["scores"]
    return [{k: v for k, v in row.items() if k not in ("model", "exposure")} for row in rows]


def evaluate(model: object, tasks: Path, out: Path, *more: object) -> list[dict[str, Any]]:
    given = ["evaluate", str(model), "--tasks", str(tasks), "--out", str(out), *map(str, more)]
    assert main([*given, "--resamples", "10"]) == 0
    return scores(out)


def alike(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> bool:
    """Equal but for what the company of other proteins may do to the last bits of a vector."""
    return len(found) == len(expected) and all(
        one == pytest.approx(other, abs=1e-3) for one, other in zip(found, expected, strict=True)
    )


@pytest.fixture(scope="module")
def expected(tiny_bundle: Path, tasks: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return evaluate(tiny_bundle, tasks, tmp_path_factory.mktemp("fresh") / "out")


def test_a_bundle_and_a_store_that_it_made(
    tiny_bundle: Path, tasks: Path, tmp_path: Path, expected: Any
) -> None:
    sequences = dict.fromkeys(
        s for folder in sorted(tasks.iterdir()) for s in load_task(folder).unique_sequences()
    )
    records = (ProteinRecord(id=f"q{n}", sequence=s) for n, s in enumerate(sequences))
    write_fasta(records, tmp_path / "all.fasta")
    made = ["embed", str(tmp_path / "all.fasta"), "--model", str(tiny_bundle), "--residues"]
    assert main([*made, "--out", str(tmp_path / "store")]) == 0
    assert alike(evaluate(tmp_path / "store", tasks, tmp_path / "out"), expected)


def test_a_cache_that_is_full_or_half_full(
    tiny_bundle: Path, tasks: Path, tmp_path: Path, expected: Any
) -> None:
    """The first tasks leave some sequences of later ones, embedded in other company."""
    cache = tmp_path / "cache"
    for kind in reversed(KINDS):
        evaluate(tiny_bundle, tasks / kind.value, tmp_path / f"out-{kind}", "--cache", cache)
    kept = sorted(cache.rglob("vectors-*"))
    assert len(kept) >= 2
    assert alike(evaluate(tiny_bundle, tasks, tmp_path / "out", "--cache", cache), expected)
    assert sorted(cache.rglob("vectors-*")) == kept
    assert not (tmp_path / "out" / "vectors").exists()


def test_a_cache_filled_one_by_one_gives_the_same_vectors(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    sequences = [*random_sequences(6), "M", "ACDEFGHIKLMNPQRSTVWYXBZJUO", "W" * 90]
    embedder = Embedder.open(tiny_bundle)
    for sequence in sequences:
        VectorCache(tmp_path / "one").completed(embedder, [sequence], residues=True)
    chosen = [np.ones(len(s), dtype=bool) for s in sequences]
    found = []
    for name in ("one", "all"):
        stores = VectorCache(tmp_path / name).completed(embedder, sequences, residues=True)
        vectors = stored_vectors(stores, sequences)
        found.append((vectors, stored_residues(stores, sequences, chosen)))
    assert len(stores) == 1
    for one, all_at_once in zip(*found, strict=True):
        np.testing.assert_allclose(one, all_at_once, rtol=1e-5, atol=1e-6)


def test_proteins_do_not_stand_for_residues(tiny_bundle: Path, tmp_path: Path) -> None:
    """A cache of protein vectors is no use for a residue task; it is made anew beside it."""
    embedder, cache = Embedder.open(tiny_bundle), VectorCache(tmp_path)
    (first,) = cache.completed(embedder, ["MKV"], residues=False)
    (second,) = cache.completed(embedder, ["MKV"], residues=True)
    assert (first.has_residues, second.has_residues) == (False, True)
    assert first.folder.parent != second.folder.parent


def test_random_weights_are_the_same_in_every_run(tasks: Path, tmp_path: Path) -> None:
    task = tasks / KINDS[0].value
    first = evaluate("baseline:random-encoder", task, tmp_path / "one")
    assert evaluate("baseline:random-encoder", task, tmp_path / "two") == first


class TestStored:
    """Vectors looked up by sequence."""

    def test_they_stand_in_the_order_asked_however_often(self, tmp_path: Path) -> None:
        sequences = random_sequences(9)
        vectors = np.array([vector_of(s) for s in sequences], dtype=np.float32)
        stores = [
            EmbeddingStore.open(store(tmp_path / name, vectors[part], sequences[part]))
            for name, part in (("a", slice(0, 4)), ("b", slice(4, 9)))
        ]
        asked = [sequences[k] for k in (8, 0, 0, 5, 3)]
        expected = np.array([vector_of(s) for s in asked], dtype=np.float32)
        np.testing.assert_array_equal(stored_vectors(stores, asked), expected)

    def test_what_is_not_there_is_no_number(self, tmp_path: Path) -> None:
        sequences = random_sequences(3)
        made = store(tmp_path / "s", np.eye(3, dtype=np.float32), sequences)
        found = stored_vectors([EmbeddingStore.open(made)], [sequences[1], "MKV"])
        assert np.isfinite(found[0]).all()
        assert np.isnan(found[1]).all()

    def test_a_store_says_what_it_lacks(self, tmp_path: Path) -> None:
        sequences = random_sequences(4)
        made = store(tmp_path / "s", np.eye(3, dtype=np.float32), sequences[:3])
        source = open_source(ModelReference.parse(str(made)), cache=tmp_path / "none")
        missing = source.missing(sequences, residues=False)
        assert list(missing) == sequences[3:]
        assert f"not in {made}; embed the task's sequences, too" in missing[sequences[3]]
        assert not (tmp_path / "none").exists()

    def test_a_store_is_itself_wherever_it_lies(self, tmp_path: Path) -> None:
        sequences = random_sequences(3)
        identities = []
        for name, sign in (("a", 1), ("b", 1), ("c", -1)):
            made = store(tmp_path / name, sign * np.eye(3, dtype=np.float32), sequences)
            source = open_source(ModelReference.parse(str(made)), cache=tmp_path)
            identities.append(source.identity)
        assert identities[0] == identities[1] != identities[2]


class TestTaskFeatures:
    """A task's entries as rows."""

    def of(self, folder: Path, kind: TaskType, **given: Any) -> tuple[Task, TaskFeatures]:
        task = planted_task(folder, kind, 20, **given)
        return task, TaskFeatures(DrawnSource(), task, np.arange(len(task)))

    def test_rows_of_proteins(self, tmp_path: Path) -> None:
        task, features = self.of(tmp_path / "t", TaskType.REGRESSION)
        entries = np.array([7, 3, 11])
        rows = features.rows(entries)
        expected = [vector_of(task.sequences[0][k]) for k in entries]
        np.testing.assert_allclose(rows.features, expected, rtol=1e-6)
        np.testing.assert_array_equal(rows.labels, task.labels.values[entries])
        np.testing.assert_array_equal(rows.groups, entries)

    def test_rows_of_residues(self, tmp_path: Path) -> None:
        def hidden(rows: list[Row]) -> list[Row]:
            return [row | {"target": "-" + row["target"][1:]} for row in rows]

        task, features = self.of(
            tmp_path / "t", TaskType.RESIDUE_BINARY, rows=hidden, ignore_label="-"
        )
        entries = np.array([7, 3])
        rows = features.rows(entries)
        expected = [residues_of(task.sequences[0][k])[1:] for k in entries]
        np.testing.assert_allclose(rows.features, np.concatenate(expected), rtol=1e-6)
        np.testing.assert_array_equal(rows.groups, np.repeat(entries, 14))

    def test_rows_of_pairs(self, tmp_path: Path) -> None:
        task, features = self.of(tmp_path / "t", TaskType.PAIR_REGRESSION)
        rows = features.rows(np.array([5]))
        a, b = (vector_of(column[5]) for column in task.sequences)
        np.testing.assert_allclose(
            rows.features[0], np.concatenate([a + b, a * b, np.abs(a - b)]), rtol=1e-5
        )

    def test_rows_with_a_ligand(self, tmp_path: Path) -> None:
        pytest.importorskip("rdkit")
        task, features = self.of(tmp_path / "t", TaskType.PROTEIN_LIGAND_REGRESSION)
        rows = features.rows(np.array([2, 8, 3]))
        np.testing.assert_array_equal(rows.features[0, 5:], rows.features[1, 5:])
        assert (rows.features[0, 5:] != rows.features[2, 5:]).any()
        np.testing.assert_allclose(rows.features[1, :5], vector_of(task.sequences[0][8]), rtol=1e-6)

    def test_no_entries_are_no_rows(self, tmp_path: Path) -> None:
        for kind in (TaskType.REGRESSION, TaskType.PAIR_BINARY):
            _, features = self.of(tmp_path / kind, kind)
            assert len(features.rows(np.zeros(0, dtype=np.int64))) == 0

    def test_a_sequence_is_asked_for_once(self, tmp_path: Path) -> None:
        def one_partner(rows: list[Row]) -> list[Row]:
            return [row | {"sequence_b": rows[0]["sequence_a"]} for row in rows]

        task = planted_task(tmp_path / "t", TaskType.PAIR_BINARY, 20, rows=one_partner)
        source = DrawnSource()
        TaskFeatures(source, task, np.arange(20))
        assert len(source.asked) == len(set(source.asked)) == 20
