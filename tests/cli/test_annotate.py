"""`multiprot annotate`, as a user runs it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from multiprot.bundle import save_bundle
from multiprot.cli.main import main
from multiprot.data.synthetic_ontology import family_terms
from multiprot.fusion import ModelConfig
from multiprot.proteins import ProteinRecord, write_fasta
from tests.search.stores import embed
from tests.search.zero_shot.models import UNSEEN_LEAF, learnt_ids, save_annotating_bundle
from tests.tiny_model import CONFIG, PROVENANCE, tiny_model, tiny_ontology

Run = Callable[..., tuple[int, str, str]]

LEAF = learnt_ids(tiny_ontology())[0]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_annotating_bundle(tmp_path_factory.mktemp("annotating") / "bundle")


@pytest.fixture(scope="module")
def fasta(
    tiny_records: tuple[ProteinRecord, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("fasta") / "proteins.fasta"
    write_fasta([ProteinRecord(id=r.id, sequence=r.sequence) for r in tiny_records], path)
    return path


@pytest.fixture(scope="module")
def store(
    tiny_records: tuple[ProteinRecord, ...], model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    records = [ProteinRecord(id=r.id, sequence=r.sequence) for r in tiny_records]
    out = tmp_path_factory.mktemp("stores") / "shared"
    return embed(records, model, out, "--space", "shared")


@pytest.fixture(scope="module")
def known(
    tiny_records: tuple[ProteinRecord, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    rows = [
        f"{record.id}\t{term}\n"
        for number, record in enumerate(tiny_records)
        for term in family_terms(number // 3).values()
    ]
    path = tmp_path_factory.mktemp("annotations") / "terms.tsv"
    path.write_text("protein_id\tgo_id\n" + "".join(rows))
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], model: Path) -> Run:
    """Runs the verb; gives exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["annotate", "--model", str(model), *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))


def test_terms_are_printed(run: Run, fasta: Path, tiny_records: tuple[ProteinRecord, ...]) -> None:
    code, out, err = run(fasta, "--min-probability", 0.2)
    assert (code, err) == (0, "")
    rows = rows_of(out)
    assert list(rows[0]) == ["protein", "term", "name", "namespace", "probability", "basis"]
    assert list(dict.fromkeys(row["protein"] for row in rows)) == [r.id for r in tiny_records]
    assert all(0.2 <= float(row["probability"]) <= 1 for row in rows)
    assert {row["basis"] for row in rows} == {"learnt"}


@pytest.mark.parametrize("name", ["terms.parquet", "terms.csv", "terms.tsv"])
def test_files_and_stores_give_the_same_table(
    run: Run, fasta: Path, store: Path, tmp_path: Path, name: str
) -> None:
    printed = rows_of(run(store)[1])
    code, out, err = run(fasta, "--out", tmp_path / name)
    assert (code, err) == (0, "")
    assert out == f"{len(printed):,} rows, in {tmp_path / name}\n"
    if name.endswith(".parquet"):
        rows = pq.read_table(tmp_path / name).to_pylist()
    else:
        with (tmp_path / name).open(newline="") as handle:
            rows = list(csv.DictReader(handle, delimiter="," if name == "terms.csv" else "\t"))
    assert [(r["protein"], r["term"]) for r in rows] == [(r["protein"], r["term"]) for r in printed]
    for row, other in zip(rows, printed, strict=True):
        assert float(row["probability"]) == pytest.approx(float(other["probability"]), abs=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


def test_some_terms_some_namespaces_the_best(run: Run, store: Path, tmp_path: Path) -> None:
    everything = rows_of(run(store, "--min-probability", 0)[1])
    functions = rows_of(run(store, "--min-probability", 0, "--namespace", "F")[1])
    assert functions == [r for r in everything if r["namespace"] == "molecular_function"]
    best = rows_of(run(store, "--min-probability", 0, "--top", 1)[1])
    assert len(best) == 3 * 12
    (tmp_path / "terms.txt").write_text(f"{LEAF}\n")
    listed = rows_of(run(store, "--min-probability", 0, "--terms", tmp_path / "terms.txt")[1])
    assert listed == [r for r in everything if r["term"] == LEAF]


def test_terms_that_were_not_learnt_are_marked(run: Run, store: Path, tmp_path: Path) -> None:
    path = tmp_path / "terms.txt"
    path.write_text(f"{LEAF}\n{UNSEEN_LEAF}\n")
    code, _, err = run(store, "--terms", path)
    assert code == 2
    assert f"{path}: line 2: {UNSEEN_LEAF}" in err
    assert "--zero-shot" in err
    _, out, _ = run(store, "--terms", path, "--zero-shot", "--min-probability", 0)
    basis = {(row["term"], row["basis"]) for row in rows_of(out)}
    assert basis == {(LEAF, "learnt"), (UNSEEN_LEAF, "zero-shot")}


def test_proteins_of_terms(run: Run, store: Path) -> None:
    everything = rows_of(run(store, "--min-probability", 0)[1])
    wanted = {r["protein"]: r["probability"] for r in everything if r["term"] == LEAF}
    code, out, _ = run(store, "--term", LEAF, "--min-probability", 0, "--json")
    assert code == 0
    rows = json.loads(out)
    assert [row["rank"] for row in rows] == list(range(1, 13))
    chances = [row["probability"] for row in rows]
    assert chances == sorted(chances, reverse=True)
    assert {row["protein"]: f"{row['probability']:.7g}" for row in rows} == wanted
    assert len(rows_of(run(store, "--term", LEAF, "--top", 2, "--min-probability", 0)[1])) == 2


def test_calibrate_and_evaluate(run: Run, store: Path, known: Path, tmp_path: Path) -> None:
    made, figures, table = (tmp_path / n for n in ("c.json", "figures.json", "bins.csv"))
    code, out, _ = run(
        store, "--calibrate", known, "--calibration-method", "isotonic", "--out", made
    )
    assert code == 0
    assert out == (
        "calibrated on molecular_function 12, biological_process 12, cellular_component 12, in "
        f"{made}\n"
    )
    plain, corrected = run(store)[1], run(store, "--calibration", made)[1]
    assert plain != corrected
    code, out, _ = run(
        store,
        *("--evaluate", known, "--calibration", made, "--reference", store, "--k", 3),
        *("--out", figures, "--reliability", table),
    )
    assert code == 0
    assert "molecular_function: 12 proteins" in out
    content = json.loads(figures.read_text())
    methods = content["namespaces"]["molecular_function"]["methods"]
    assert list(methods) == ["model", "model, calibrated", "label frequency", "neighbours"]
    errors = [methods[n]["expected_calibration_error_all"] for n in list(methods)[:2]]
    assert errors[1] < errors[0]
    assert content["trained_on"] == 0
    with table.open(newline="") as handle:
        assert {row["method"] for row in csv.DictReader(handle)} == set(methods)


def test_proteins_of_the_training_are_told(
    run: Run, known: Path, tmp_path: Path, tiny_records: tuple[ProteinRecord, ...]
) -> None:
    from tests.tiny_model import SEEN

    write_fasta([ProteinRecord(id=tiny_records[0].id, sequence=SEEN)], tmp_path / "a.fasta")
    code, out, err = run(tmp_path / "a.fasta", "--evaluate", known, "--json")
    assert code == 0
    assert json.loads(out)["trained_on"] == 1
    assert "trained or validated on 1 of the proteins" in err


def test_refused_proteins_are_listed_beside_the_table(
    run: Run, fasta: Path, tmp_path: Path, tiny_records: tuple[ProteinRecord, ...]
) -> None:
    more = tmp_path / "more.fasta"
    more.write_text(f">{tiny_records[0].id}\nMKV\n>fine\nMKV\n>spoilt\nMK4V\n")
    out = tmp_path / "terms.tsv"
    code, _, err = run(fasta, more, "--out", out)
    assert code == 0
    assert f"warning: 2 proteins were refused; all are in {out}.refused.tsv" in err
    with (tmp_path / "terms.tsv.refused.tsv").open(newline="") as handle:
        listed = list(csv.DictReader(handle, delimiter="\t"))
    assert [row["protein"] for row in listed] == [tiny_records[0].id, "more.fasta:spoilt"]
    assert "fine" in {row["protein"] for row in rows_of(out.read_text())}
    code, _, err = run(fasta, "--out", out)
    assert code == 2
    assert "already exists" in err
    assert run(fasta, "--out", out, "--overwrite")[0] == 0
    assert not (tmp_path / "terms.tsv.refused.tsv").exists()
    assert "spoilt" in run(more)[2]
    assert run(more, "--strict", "--out", tmp_path / "strict.tsv")[0] == 2
    assert not (tmp_path / "strict.tsv").exists()


def test_an_empty_file_writes_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "none.fasta").write_text("")
    code, _, err = run(tmp_path / "none.fasta", "--out", tmp_path / "terms.tsv")
    assert code == 2
    assert "none.fasta" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["none.fasta"]


@pytest.mark.parametrize("question", [(), ("--term", LEAF)])
def test_a_bar_that_nothing_reaches(run: Run, store: Path, question: tuple[str, ...]) -> None:
    code, out, err = run(store, *question, "--min-probability", 1)
    assert (code, len(out.splitlines())) == (0, 1)
    assert err.startswith("note: nothing reaches a probability of 1; lower --min-probability")
    assert json.loads(run(store, *question, "--min-probability", 1, "--json")[1]) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--term", "GO:7777777"), "--term: 'GO:7777777' is not in release"),
        (("--term", "GO:0003674"), "is a root"),
        (("--term", LEAF, "--evaluate", "x.tsv"), "two questions"),
        (("--zero-shot",), "add --terms FILE or --term"),
        (("--calibrate", "x.tsv"), "--out calibration.json"),
        (("--calibrate", "x.tsv", "--out", "x.tsv"), "name it *.json"),
        (("--calibrate", "x.tsv", "--calibration", "y.json", "--out", "z.json"), "drop"),
        (("--reliability", "x.csv"), "add --evaluate FILE"),
        (("--reference", "store"), "add --evaluate FILE"),
        (("--evidence", "IDA"), "add --evaluate FILE"),
        (("--out", "terms.txt"), "name it *.parquet"),
        (("--top", "0"), "--top 0"),
        (("--use", "smell"), "--use smell"),
        (("--calibration", "nothing.json"), "nothing.json"),
    ],
)
def test_wrong_questions(run: Run, store: Path, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = run(store, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_model_without_go(
    fasta: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ModelConfig.model_validate({k: v for k, v in CONFIG.items() if k != "go"})
    bundle = save_bundle(
        tmp_path / "plain", model=tiny_model(config), model_config=config, provenance=PROVENANCE
    )
    assert main(["annotate", str(fasta), "--model", str(bundle)]) == 2
    message = capsys.readouterr().err
    assert "has no GO encoder" in message
    assert "multiprot search --annotations" in message


def test_a_model_without_readout(
    fasta: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = save_bundle(
        tmp_path / "mute",
        model=tiny_model(),
        model_config=ModelConfig.model_validate(CONFIG),
        ontology=tiny_ontology(),
        provenance=PROVENANCE,
    )
    assert main(["annotate", str(fasta), "--model", str(bundle)]) == 2
    assert "has no GO readout" in capsys.readouterr().err
