"""The benchmark of annotation runs through on a made-up corpus, and its figures are bounded."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import zero_shot_go
from multiprot.data import Corpus
from multiprot.data.synthetic import SyntheticOptions, make_synthetic_corpus
from multiprot.ontology import GeneOntology
from multiprot.search.lookup import AnnotationSource, read_lookups
from tests.search.zero_shot.models import save_annotating_bundle


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    options = SyntheticOptions(families=4, proteins_per_family=12, with_structure=0.0)
    folder = tmp_path_factory.mktemp("corpus") / "corpus"
    return make_synthetic_corpus(folder, options=options)


def ontology_of(corpus: Corpus) -> GeneOntology:
    assert corpus.ontology is not None
    return corpus.ontology


def test_it_runs_and_keeps_vectors(
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle = save_annotating_bundle(tmp_path / "bundle")
    out, vectors = tmp_path / "figures.json", tmp_path / "vectors"
    arguments = ["--corpus", corpus.path, "--bundle", bundle, "--out", out, "--vectors", vectors]
    monkeypatch.setattr(sys, "argv", ["benchmark", *map(str, arguments), "--k", "3"])
    zero_shot_go.main()
    first = json.loads(out.read_text())
    (seed,) = first["seeds"]
    for told in seed["annotation"].values():
        assert set(told["methods"]) == {
            "model",
            "model, calibrated",
            "label frequency",
            "neighbours, k=3",
        }
        assert all(0 <= figures["fmax"] <= 1 for figures in told["methods"].values())
    assert "| model, calibrated |" in capsys.readouterr().out
    made = {path.name: path.stat().st_mtime_ns for path in vectors.rglob("*.parquet")}
    zero_shot_go.main()
    assert json.loads(out.read_text()) == first
    assert {path.name: path.stat().st_mtime_ns for path in vectors.rglob("*.parquet")} == made


def test_rows_are_drawn_from_their_splits(corpus: Corpus) -> None:
    rows = zero_shot_go.rows_of(corpus, valid=2, train=5)
    for split in ("train", "valid", "test"):
        assert set(corpus.splits[getattr(rows, split)]) == {split}
    assert (len(rows.train), len(rows.valid)) == (5, 2)
    assert corpus.has_go[np.concatenate([rows.train, rows.valid])].all()
    again = zero_shot_go.rows_of(corpus, valid=2, train=5)
    np.testing.assert_array_equal(rows.train, again.train)


def test_what_neighbours_pass_on_is_what_a_file_would_say(corpus: Corpus, tmp_path: Path) -> None:
    ontology = ontology_of(corpus)
    proteins = corpus.read(np.flatnonzero(corpus.has_go))
    lines = [f"{p.id}\t{term}" for p in proteins for term in sorted(p.go_terms or ())]
    path = tmp_path / "terms.tsv"
    path.write_text("\n".join(["protein_id\tgo_id", *lines]) + "\n")
    source = AnnotationSource(path=path, ontology=ontology)
    mine = zero_shot_go.lookups_of(zero_shot_go.known_of(corpus, ontology), corpus.ids)
    for ours, theirs in zip(mine, read_lookups(source, corpus.ids), strict=True):
        assert (ours.namespace, ours.term_ids) == (theirs.namespace, theirs.term_ids)
        assert (ours.terms.toarray() == theirs.terms.toarray()).all()
