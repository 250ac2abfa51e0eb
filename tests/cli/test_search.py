"""`multiprot search`, as a user runs it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from multiprot.cli.main import main
from multiprot.data.synthetic_ontology import family_terms, mini_ontology
from multiprot.embedding import EmbeddingStore
from multiprot.proteins import ProteinRecord
from multiprot.search import NeighbourIndex
from tests.search.stores import embed

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def store(
    tiny_records: tuple[ProteinRecord, ...],
    tiny_bundle: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    return embed(tiny_records, tiny_bundle, tmp_path_factory.mktemp("stores") / "all")


@pytest.fixture(scope="module")
def annotations(
    tiny_records: tuple[ProteinRecord, ...], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A TSV with the terms of each record's family but the last three's, and the ontology."""
    folder = tmp_path_factory.mktemp("annotations")
    rows = [
        f"{record.id}\t{term}\tIDA\n"
        for number, record in enumerate(tiny_records[:9])
        for term in family_terms(number // 3).values()
    ]
    (folder / "terms.tsv").write_text("protein_id\tgo_id\tevidence\n" + "".join(rows))
    mini_ontology(4).write_obo(folder / "go.obo")
    return folder / "terms.tsv", folder / "go.obo"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the verb; gives exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["search", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))


def test_neighbours_of_one_protein(run: Run, store: Path) -> None:
    opened = EmbeddingStore.open(store)
    vectors = opened.vectors().astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    distances = 1 - vectors @ vectors[4]
    distances[4] = np.inf
    code, out, err = run(store, opened.ids[4], "--k", 3)
    assert (code, err) == (0, "")
    rows = rows_of(out)
    order = np.argsort(distances)[:3]
    assert [row["neighbour"] for row in rows] == [opened.ids[other] for other in order]
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    assert {row["query"] for row in rows} == {opened.ids[4]}
    np.testing.assert_allclose(
        [float(row["distance"]) for row in rows], distances[order], rtol=1e-4, atol=1e-8
    )


def test_several_ids_as_json_with_themselves(run: Run, store: Path) -> None:
    ids = EmbeddingStore.open(store).ids
    code, out, _ = run(store, ids[1], ids[0], "--include-self", "--k", 2, "--json")
    assert code == 0
    rows = json.loads(out)
    assert [(row["query"], row["rank"]) for row in rows] == [
        *((ids[1], 1), (ids[1], 2)),
        *((ids[0], 1), (ids[0], 2)),
    ]
    assert all(row["neighbour"] == row["query"] for row in rows[::2])
    assert all(row["distance"] == 0 for row in rows[::2])


@pytest.mark.parametrize("name", ["n.parquet", "n.csv", "n.tsv"])
def test_another_store_to_a_file(
    run: Run,
    store: Path,
    name: str,
    tiny_bundle: Path,
    tiny_records: tuple[ProteinRecord, ...],
    tmp_path: Path,
) -> None:
    queries = [ProteinRecord(id=f"new-{r.id}", sequence=r.sequence) for r in tiny_records[:5]]
    new = embed(queries, tiny_bundle, tmp_path / "new")
    code, out, _ = run(store, new, "--metric", "euclidean", "--out", tmp_path / name)
    assert (code, out) == (0, f"50 rows, in {tmp_path / name}\n")
    if name.endswith(".parquet"):
        rows = pq.read_table(tmp_path / name).to_pylist()
    else:
        with (tmp_path / name).open(newline="") as handle:
            rows = list(csv.DictReader(handle, delimiter="," if name == "n.csv" else "\t"))
    first = [row for row in rows if int(row["rank"]) == 1]
    # Another id is another protein, even with the same sequence.
    assert [row["neighbour"] for row in first] == [q.id.removeprefix("new-") for q in queries]
    assert all(float(row["distance"]) < 1e-5 for row in first)


def test_terms_of_neighbours(run: Run, store: Path, annotations: tuple[Path, Path]) -> None:
    terms, ontology = annotations
    query = EmbeddingStore.open(store).ids[10]
    arguments = (store, query, "--annotations", terms, "--k", 4)
    code, out, err = run(*arguments, "--ontology", ontology)
    assert code == 0
    assert "molecular_function: 9 of 12 proteins in the store are annotated" in err
    rows = rows_of(out)
    assert {row["namespace"] for row in rows} == {
        "molecular_function",
        "biological_process",
        "cellular_component",
    }
    for space in {row["namespace"] for row in rows}:
        confidence = [float(row["confidence"]) for row in rows if row["namespace"] == space]
        assert confidence == sorted(confidence, reverse=True)
        assert 0 < confidence[0] <= 1
    supporters = {s for row in rows for s in row["supported_by"].split(";")}
    assert supporters <= set(EmbeddingStore.open(store).ids[:9])
    bare = rows_of(run(*arguments)[1])
    assert {row["term"] for row in bare} < {row["term"] for row in rows}
    assert {row["name"] for row in bare} == {""}


def test_terms_to_parquet_with_all_options(
    run: Run, store: Path, annotations: tuple[Path, Path], tmp_path: Path
) -> None:
    terms, ontology = annotations
    out = tmp_path / "terms.parquet"
    code, printed, _ = run(
        *(store, store, "--annotations", terms, "--ontology", ontology, "--evidence", "IDA"),
        *("--namespace", "C", "--namespace", "molecular_function"),
        *("--metric", "euclidean", "--half-distance", 3, "--min-confidence", 0.2),
        *("--out", out, "--json"),
    )
    assert code == 0
    table = pq.read_table(out)
    assert json.loads(printed) == {"out": str(out), "rows": len(table)}
    assert set(table["namespace"].to_pylist()) == {"cellular_component", "molecular_function"}
    assert min(table["confidence"].to_pylist()) >= 0.2
    for query, supporters in zip(
        table["query"].to_pylist(), table["supported_by"].to_pylist(), strict=True
    ):
        assert query not in supporters


def test_an_index_is_built_once_and_belongs_to_its_store(
    run: Run,
    store: Path,
    tiny_bundle: Path,
    tiny_records: tuple[ProteinRecord, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "index"
    exact = run(store, store)[1]
    code, out, err = run(store, store, "--index", folder, "--recall", "1")
    assert code == 0
    assert "note: approximate, 1 of 1 lists" in err
    assert "100.0% were found" in err
    first = [[row["query"], row["rank"], row["neighbour"]] for row in rows_of(out)]
    assert first == [[row["query"], row["rank"], row["neighbour"]] for row in rows_of(exact)]
    monkeypatch.setattr(NeighbourIndex, "build_approximate", None)
    assert run(store, store, "--index", folder) == (0, out, err)
    other = embed(tiny_records[:6], tiny_bundle, tmp_path / "other")
    code, _, err = run(other, other, "--index", folder)
    assert code == 2
    assert "is not an index of" in err
    assert "remove it to have it built again" in err


def test_an_approximate_search_without_a_folder(run: Run, store: Path) -> None:
    code, out, err = run(store, store, "--approximate")
    assert code == 0
    assert "note: approximate" in err
    assert len(rows_of(out)) == 120


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nobody",), "no folder of queries, and no id: "),
        (("nobody", "--k", "0"), "--k 0: input should be greater"),
        (("STORE", "--out", "t.xlsx"), "t.xlsx: a table's format goes by its ending"),
        (("STORE", "--ontology", "go.obo"), "add --annotations FILE"),
        (
            ("STORE", "--annotations", "x.tsv", "--namespace", "X"),
            "--namespace X: input should be 'F'",
        ),
        (("STORE", "--annotations", "nowhere.tsv"), "nowhere.tsv: no such file"),
        (("STORE", "--annotations", "x.tsv", "--approximate"), "drop --approximate and --index"),
        (
            ("STORE", "--approximate", "--recall", "2"),
            "--recall 2.0: input should be less than or equal to 1",
        ),
        (("STORE", "--metric", "manhattan"), "--metric manhattan: input should be 'cosine' or"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run: Run, store: Path, arguments: tuple[str, ...], message: str
) -> None:
    given = [str(store) if argument == "STORE" else argument for argument in arguments]
    code, out, err = run(store, *given)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


def test_existing_output_is_kept(run: Run, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "n.csv"
    out.write_text("precious")
    code, _, err = run(store, store, "--out", out)
    assert code == 2
    assert "already exists" in err
    assert out.read_text() == "precious"
    assert run(store, store, "--out", out, "--overwrite")[0] == 0
    assert out.read_text().startswith("query,rank")


def test_a_missing_store_is_named(run: Run, tmp_path: Path) -> None:
    code, _, err = run(tmp_path / "nowhere", "P1")
    assert code == 2
    assert "nowhere: no such folder" in err


def test_an_exact_search_needs_neither_torch_nor_faiss(store: Path) -> None:
    code = (
        "import sys; sys.modules['faiss'] = None\n"
        "from multiprot.cli.main import main\n"
        f"code = main(['search', {str(store)!r}, {str(store)!r}])\n"
        "sys.exit(code or 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_help_imports_no_store() -> None:
    code = (
        "import sys; from multiprot.cli.main import main; code = main(['search', '--help']); "
        "sys.exit(code or bool({'torch', 'pyarrow', 'faiss', 'numpy'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "--annotations" in found.stdout
