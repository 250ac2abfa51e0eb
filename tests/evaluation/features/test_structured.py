"""Vectors of sequences with their structures: found again, and never those of other structures."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multiprot.embedding import Embedder
from multiprot.errors import FileFormatError
from multiprot.evaluation.comparison import Plan, run_cells, write_results
from multiprot.evaluation.features.cache import VectorCache
from multiprot.evaluation.features.embedder_source import EmbedderSource
from multiprot.evaluation.features.reference import parse_models
from multiprot.evaluation.structures import StructureLibrary, StructureOptions
from multiprot.proteins import ProteinRecord
from multiprot.proteins.structure_writer import write_structure
from multiprot.testing.records import protein

RECORDS = tuple(protein(np.random.default_rng(seed), f"c{seed}", 20 + seed) for seed in range(4))
BARE = protein(np.random.default_rng(9), "bare", 25)
SEQUENCES = [record.sequence for record in (*RECORDS, BARE)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Structures of all but the last."""
    made = tmp_path / "structures"
    made.mkdir()
    for number, record in enumerate(reversed(RECORDS)):
        write_structure(record, made / f"f{number}.cif")
    return made


def source(model: Path | str, cache: Path, folder: Path | None) -> EmbedderSource:
    library = None if folder is None else StructureLibrary(folder)
    return EmbedderSource(Embedder.open(model), "m", VectorCache(cache), structures=library)


def test_vectors_are_those_of_sequence_and_structure(
    tiny_bundle: Path, folder: Path, tmp_path: Path
) -> None:
    found = source(tiny_bundle, tmp_path / "cache", folder)
    assert not found.missing(SEQUENCES, residues=True)
    assert not found.missing(SEQUENCES, residues=False)
    records = [*RECORDS, replace(BARE, structure=None)]
    wanted = Embedder.open(tiny_bundle).embed_residues(records)
    np.testing.assert_allclose(found.proteins(SEQUENCES), wanted.vectors, atol=1e-5)
    chosen = [np.ones(len(sequence), np.bool_) for sequence in SEQUENCES]
    assert wanted.residues is not None
    np.testing.assert_allclose(
        found.residues(SEQUENCES, chosen), np.concatenate(wanted.residues), atol=1e-5
    )


def test_with_and_without_share_a_cache_and_no_vectors(
    tiny_bundle: Path, folder: Path, tmp_path: Path
) -> None:
    with_, without = (source(tiny_bundle, tmp_path / "cache", f) for f in (folder, None))
    for each in (with_, without):
        each.missing(SEQUENCES, residues=False)
    assert with_.identity != without.identity
    one, other = with_.proteins(SEQUENCES), without.proteins(SEQUENCES)
    assert (np.abs(one[:4] - other[:4]).max(axis=1) > 1e-3).all()
    np.testing.assert_allclose(one[4], other[4], atol=1e-6)
    again = source(tiny_bundle, tmp_path / "cache", folder)
    again.missing(SEQUENCES, residues=False)
    assert again.residues_embedded == 0
    np.testing.assert_array_equal(again.proteins(SEQUENCES), one)
    next(folder.iterdir()).unlink()
    fewer = source(tiny_bundle, tmp_path / "cache", folder)
    fewer.missing(SEQUENCES, residues=False)
    changed = np.abs(fewer.proteins(SEQUENCES) - one).max(axis=1) > 1e-3
    assert changed.sum() == 1


def test_a_model_that_reads_no_structures_leaves_them_aside(folder: Path, tmp_path: Path) -> None:
    with_, without = (source("residue-transformer", tmp_path, f) for f in (folder, None))
    assert with_.identity == without.identity
    with_.missing(SEQUENCES, residues=False)
    without.missing(SEQUENCES, residues=False)
    assert without.residues_embedded == 0


def write_task(folder: Path, records: list[ProteinRecord]) -> Path:
    folder.mkdir()
    told = {"name": "shapes", "task_type": "binary", "primary_metric": "accuracy"}
    (folder / "task.json").write_text(json.dumps(told))
    with (folder / "data.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "sequence", "target", "split"])
        for row, record in enumerate(records):
            split = ("train", "train", "train", "valid", "test")[row % 5]
            table.writerow([record.id, record.sequence, row // 5 % 2, split])
    return folder


def test_evaluation_sees_structures_and_says_how_many(tiny_bundle: Path, tmp_path: Path) -> None:
    """Labels are helix or not: letters do not tell, structures do."""
    rng = np.random.default_rng(2)
    records = [
        protein(rng, f"e{row}", int(rng.integers(14, 26)), helix=bool(row // 5 % 2))
        for row in range(100)
    ]
    structures = tmp_path / "structures"
    structures.mkdir()
    for row in rng.permutation(97):
        write_structure(records[row], structures / f"x{rng.integers(10**9)}.cif")
    task = write_task(tmp_path / "task", records)
    results = {}
    for name, folder in (("with", structures), ("without", None)):
        plan = Plan(
            models=parse_models([str(tiny_bundle)]),
            tasks=[task],
            out=tmp_path / name,
            cache=tmp_path / "cache",
            structures=StructureOptions(structures=folder),
        )
        outcome = run_cells(plan, resume=False)
        results[name] = write_results(outcome, plan.options, plan.out)
    told = results["with"]["tasks"]["shapes"]["structures"]
    assert (told["same"], told["without"]) == (97, 3)
    assert sum(part["without"] for part in told["parts"].values()) == 3
    assert results["without"]["tasks"]["shapes"]["structures"] is None
    assert any("97 of 100 sequences have one" in note for note in results["with"]["notes"])
    scores = {name: found["scores"][0]["value"] for name, found in results.items()}
    assert scores["with"] > 0.85 > scores["without"]


def test_a_folder_that_cannot_be_used_leaves_nothing_behind(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    task = write_task(tmp_path / "task", [replace(r, structure=None) for r in RECORDS])
    plan = Plan(
        models=parse_models([str(tiny_bundle)]),
        tasks=[task],
        out=tmp_path / "out",
        cache=tmp_path / "cache",
        structures=StructureOptions(structures=tmp_path / "nowhere"),
    )
    with pytest.raises(FileFormatError, match="no such folder"):
        run_cells(plan, resume=False)
    assert not plan.out.exists()
