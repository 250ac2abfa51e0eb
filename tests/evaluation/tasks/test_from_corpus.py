"""A task of GO terms holds what its corpus knows, and nothing of other namespaces."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from multiprot.cli.main import app, main
from multiprot.data import Corpus, make_synthetic_corpus
from multiprot.data.corpus_writer import CorpusWriter
from multiprot.data.synthetic import SyntheticOptions
from multiprot.errors import EvaluationError, OutputExistsError
from multiprot.evaluation.comparison.cell import cell_key
from multiprot.evaluation.tasks import check_task, go_task, load_task
from multiprot.files import atomic_folder
from multiprot.ontology import Namespace
from multiprot.proteins import ProteinRecord
from tests.evaluation.comparison.sources import QUICK, DrawnSource, cell_of


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    options = SyntheticOptions(families=5, proteins_per_family=12, with_structure=0, with_go=0.9)
    return make_synthetic_corpus(tmp_path_factory.mktemp("go") / "corpus", options=options)


@pytest.mark.parametrize("namespace", list(Namespace))
def test_entries_are_the_proteins_with_a_term(
    corpus: Corpus, tmp_path: Path, namespace: Namespace
) -> None:
    ontology = corpus.ontology
    assert ontology is not None
    written = go_task(corpus, tmp_path / "t", namespace=namespace)
    task = load_task(tmp_path / "t")
    assert (len(task), task.name) == (written, f"go_{namespace.value}")
    labelled = dict(zip(task.ids, task.labels.values, strict=True))
    for row, record in enumerate(corpus.read(range(len(corpus)))):
        above = {a for t in record.go_terms or () for a in (t, *ontology.ancestors(t))}
        terms = {a for a in above if ontology.namespace(a) is namespace} - set(ontology.roots)
        assert (record.id in labelled) == bool(terms)
        if terms:
            held = {task.labels.names[k] for k in np.flatnonzero(labelled[record.id])}
            assert held == terms
            place = task.ids.index(record.id)
            assert task.sequences[0][place] == record.sequence
            assert task.splits[place] == corpus.splits[row]


def test_the_task_says_where_it_comes_from(corpus: Corpus, tmp_path: Path) -> None:
    go_task(corpus, tmp_path / "t", name="mine", least_examples=3)
    told = json.loads((tmp_path / "t" / "task.json").read_text())
    assert told["name"] == "mine"
    assert told["least_examples"] == 3
    assert told["source"]["corpus"] == corpus.content_hash
    assert corpus.ontology is not None
    assert told["source"]["ontology"] == corpus.ontology.release


def test_the_task_passes_its_own_check(corpus: Corpus, tmp_path: Path) -> None:
    go_task(corpus, tmp_path / "t")
    kinds = {f.kind for f in check_task(tmp_path / "t", identity=None).findings}
    # Ten families of one fold have few proteins in test; nothing else is wrong.
    assert kinds <= {"few-entries", "class-balance"}


def test_it_is_scored_as_cafa_does(corpus: Corpus, tmp_path: Path) -> None:
    go_task(corpus, tmp_path / "t", least_examples=2)
    task = load_task(tmp_path / "t")
    cell = cell_of(task, tmp_path / "cell")
    told = cell["runs"][0]["splits"]["test"]
    assert list(told) == [
        f"{value}_molecular_function" for value in ("fmax", "smin", "aupr", "fmax_weighted")
    ]
    assert 0 < told["fmax_molecular_function"]["value"] <= 1
    assert told["fmax_molecular_function"]["low"] is not None


def test_an_alternative_id_is_no_label(corpus: Corpus, tmp_path: Path) -> None:
    """Two labels of one term would add up to more than a probability."""
    go_task(corpus, tmp_path / "t")
    name = load_task(tmp_path / "t").labels.names[0]
    _with_alternative(tmp_path / "t", name, "GO:8888888")
    table = pq.read_table(tmp_path / "t" / "data.parquet").to_pylist()
    for row in table:
        row["target"] = [*row["target"], "GO:8888888"]
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "t" / "data.parquet")
    with pytest.raises(EvaluationError, match=r"label 'GO:8888888' .* is no term of go\.obo"):
        cell_of(load_task(tmp_path / "t"), tmp_path / "cell")


def _with_alternative(folder: Path, name: str, other: str) -> None:
    file = folder / "go.obo.gz"
    text = gzip.decompress(file.read_bytes()).decode()
    assert text.count(f"\nid: {name}\n") == 1
    said = text.replace(f"\nid: {name}\n", f"\nid: {name}\nalt_id: {other}\n")
    file.write_bytes(gzip.compress(said.encode()))


def test_a_changed_ontology_is_another_cell(corpus: Corpus, tmp_path: Path) -> None:
    go_task(corpus, tmp_path / "t")
    task = load_task(tmp_path / "t")
    before = cell_key(DrawnSource(), task, QUICK)
    _with_alternative(tmp_path / "t", task.labels.names[0], "GO:8888888")
    assert cell_key(DrawnSource(), load_task(tmp_path / "t"), QUICK) != before


def test_a_corpus_without_an_ontology_has_no_terms(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "corpus") as folder, CorpusWriter(folder) as writer:
        writer.add(ProteinRecord(id="p", sequence="MKT"), "train")
        writer.finish()
    with pytest.raises(EvaluationError, match="has no ontology; build it with --annotations"):
        go_task(Corpus.open(tmp_path / "corpus"), tmp_path / "t")
    assert not (tmp_path / "t").exists()


def test_a_corpus_without_a_term_of_the_namespace(tmp_path: Path) -> None:
    options = SyntheticOptions(families=2, proteins_per_family=3, with_structure=0, with_go=0)
    corpus = make_synthetic_corpus(tmp_path / "corpus", options=options)
    with pytest.raises(EvaluationError, match="no protein has a term of biological_process"):
        go_task(corpus, tmp_path / "t", namespace=Namespace.PROCESS)


def test_nothing_is_overwritten(corpus: Corpus, tmp_path: Path) -> None:
    go_task(corpus, tmp_path / "t")
    before = (tmp_path / "t" / "data.parquet").stat().st_mtime_ns
    with pytest.raises(OutputExistsError):
        go_task(corpus, tmp_path / "t")
    assert (tmp_path / "t" / "data.parquet").stat().st_mtime_ns == before


class TestVerb:
    """`multiprot tasks from-corpus`."""

    @pytest.mark.parametrize(("letter", "name"), [("F", "function"), ("P", "process")])
    def test_it_writes_a_task(self, corpus: Corpus, tmp_path: Path, letter: str, name: str) -> None:
        out = tmp_path / "t"
        arguments = ["tasks", "from-corpus", str(corpus.path), "--out", str(out)]
        result = CliRunner().invoke(app, [*arguments, "--namespace", letter, "--name", "terms"])
        assert result.exit_code == 0
        task = load_task(out)
        assert result.stdout == f"{len(task):,} proteins, in {out}\n"
        assert task.name == "terms"
        assert name in task.specification.primary_metric

    @pytest.mark.parametrize(
        ("more", "told"),
        [
            (("--namespace", "X"), "namespace 'X' is not one of"),
            (("--least-examples", "0"), "greater than or equal to 1"),
            ((), "missing option '--out'"),
        ],
    )
    def test_mistakes_are_told(
        self,
        corpus: Corpus,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        more: tuple[str, ...],
        told: str,
    ) -> None:
        out = ("--out", str(tmp_path / "t")) if more else ()
        assert main(["tasks", "from-corpus", str(corpus.path), *out, *more]) == 2
        assert told in capsys.readouterr().err
        assert not (tmp_path / "t").exists()

    def test_no_corpus(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["tasks", "from-corpus", str(tmp_path), "--out", str(tmp_path / "t")]) == 2
        assert str(tmp_path) in capsys.readouterr().err
