"""`multiprot transfer` with models and tasks of all kinds, interrupted, and asked for nonsense."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.cli.main import main
from multiprot.evaluation.tasks import Target
from multiprot.transfer import MEASURES, Sample, TransferOptions, estimate
from multiprot.transfer.lock import alone
from tests.evaluation.comparison.planted import ENTRIES, planted_rows, planted_vectors, store
from tests.evaluation.tasks.folders import proteins, write_task
from tests.transfer.sets import clustered

QUICK = ("--n", "30", "--replicates", "0")
CODE = "import sys; from multiprot.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("transfer")
    store(place / "right", planted_vectors())
    store(place / "wrong", planted_vectors(seed=1))
    wide = np.hstack([planted_vectors(), planted_vectors(seed=2)])
    store(place / "wide", wide)
    some = [row["sequence"] for row in planted_rows("regression")][: ENTRIES // 2]
    store(place / "half", planted_vectors()[: ENTRIES // 2], some)
    store(place / "none", planted_vectors()[:3], ["MKV", "MKL", "MKI"])
    write_task(place / "tasks" / "numbers", planted_rows("regression"))
    write_task(place / "tasks" / "either", planted_rows("binary"), "binary", "auroc")
    write_task(place / "tasks" / "kinds", planted_rows("multiclass"), "multiclass", "accuracy")
    late = planted_rows("regression")[ENTRIES // 2 :]
    write_task(place / "late" / "late", late)
    return place


def run(place: Path, verb: str, model: str, out: Path, *more: str) -> int:
    models = [str(place / name) if (place / name).exists() else name for name in model.split()]
    tasks = ("--tasks", str(place / "tasks"))
    return main(["transfer", verb, *models, *tasks, "--out", str(out), *QUICK, *more])


def told(out: Path) -> dict[str, Any]:
    return json.loads((out / "transfer.json").read_text())  # type: ignore[no-any-return]


GIVEN: dict[str, Any] = {
    "n": 25,
    "seed": 4,
    "replicates": 3,
    "confidence": 0.8,
    "power": 1.5,
    "solver": "minibatch",
    "epsilon": 0.3,
    "device": "cpu",
    "directions": 9,
    "bins": 3,
    "neighbours": 2,
}


@pytest.mark.parametrize("verb", ["matrix", "rank"])
def test_every_option_reaches_the_measures(place: Path, tmp_path: Path, verb: str) -> None:
    assert set(GIVEN) == set(TransferOptions.model_fields)
    options = [part for name, value in GIVEN.items() for part in (f"--{name}", str(value))]
    target = ("--target", "numbers") if verb == "rank" else ()
    more = (*target, "--measure", "sliced-wasserstein", *options)
    assert run(place, verb, "right", tmp_path, *more) == 0
    found = told(tmp_path)
    assert found["options"] == GIVEN
    assert {tuple(row["proteins"]) for row in found["pairs"]} == {(25, 25)}


CHANGES = [
    ("wasserstein", "n", 20),
    ("wasserstein", "seed", 1),
    ("wasserstein", "power", 1.0),
    ("wasserstein", "solver", "refined"),
    ("sinkhorn", "epsilon", 0.4),
    ("sliced-wasserstein", "directions", 7),
    ("knn-purity", "neighbours", 4),
    ("h-score", "bins", 3),
    ("otdd", "bins", 3),
]


@pytest.mark.parametrize(("measure", "option", "value"), CHANGES)
def test_every_option_matters(measure: str, option: str, value: Any) -> None:
    samples = []
    for name, seed, count in (("a", 0, 40), ("b", 1, 46)):
        vectors = clustered(name, count, shift=0.4 * seed, seed=seed).vectors
        noise = np.random.default_rng(seed).standard_normal(count)
        samples.append(Sample(name, vectors, vectors[:, 0] + noise, Target.REGRESSION))
    pair = samples[:1] if measure in ("knn-purity", "h-score") else samples
    usual = TransferOptions(n=36, replicates=0)
    other = TransferOptions.model_validate({**usual.model_dump(), option: value})
    values = [estimate(MEASURES[measure], pair, how).value for how in (usual, other)]
    assert values[0] != values[1]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--n", "9"), "--n 9"),
        (("--n", "50001"), "--n 50001"),
        (("--power", "0.5"), "--power 0.5"),
        (("--power", "inf"), "--power inf"),
        (("--epsilon", "0"), "--epsilon 0"),
        (("--epsilon", "inf"), "--epsilon inf"),
        (("--confidence", "1"), "--confidence 1"),
        (("--solver", "fast"), "--solver fast"),
        (("--device", "tpu"), "--device tpu"),
        (("--seed", "-1"), "--seed -1"),
        (("--measure", "cka"), "cka compares two models on the same proteins, not tasks"),
        (("--measure", "wassserstein"), "no measure 'wassserstein'; did you mean 'wasserstein'"),
        (("--split-column", "fold"), "fold"),
        (("--tasks", "nowhere"), "nowhere: no such folder"),
    ],
)
def test_nonsense_is_told_before_anything_is_done(
    place: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    says: str,
) -> None:
    out = tmp_path / "out"
    assert run(place, "matrix", "right", out, *more) == 2
    printed = capsys.readouterr().err
    assert says in printed
    assert len(printed.strip().splitlines()) == 1
    assert not out.exists()


def test_one_task_is_no_matrix(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = ("--tasks", str(place / "tasks" / "numbers"), "--out", str(tmp_path / "out"), *QUICK)
    assert main(["transfer", "matrix", str(place / "right"), *tasks]) == 2
    assert "otfrm compares tasks, and there is only numbers" in capsys.readouterr().err
    alone_ = ("--measure", "logme")
    assert main(["transfer", "matrix", str(place / "right"), *tasks, *alone_]) == 0
    (row,) = told(tmp_path / "out")["pairs"]
    assert (row["source"], row["target"]) == ("numbers", "numbers")


@pytest.mark.parametrize("verb", ["matrix", "rank"])
def test_two_tasks_of_one_name_are_told(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    """One of them would stand for both."""
    write_task(tmp_path / "again" / "numbers", planted_rows("regression", seed=1))
    more = ["--tasks", str(tmp_path / "again")]
    target = ["--target", "numbers"] if verb == "rank" else []
    assert run(place, verb, "right", tmp_path / "out", *more, *target) == 2
    assert "two tasks are called 'numbers'; give one of them another" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["right", "baseline:kmer", "residue-transformer"])
def test_stores_baselines_and_encoders(place: Path, tmp_path: Path, model: str) -> None:
    more = ("--measure", "wasserstein", "--measure", "logme")
    assert run(place, "matrix", model, tmp_path, *more) == 0
    rows = told(tmp_path)["pairs"]
    assert len(rows) == 3 + 3
    assert all(row["problem"] is None for row in rows)
    assert told(tmp_path)["model"] == model


def test_a_bundle(tiny_bundle: Path, place: Path, tmp_path: Path) -> None:
    assert run(place, "matrix", str(tiny_bundle), tmp_path, "--measure", "wasserstein") == 0
    assert all(0 <= row["value"] <= 2 for row in told(tmp_path)["pairs"])
    identity = told(tmp_path)["model_identities"][0]
    assert identity["content_hash"]


def test_vectors_without_a_width_are_refused(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(place, "rank", "baseline:one-hot", tmp_path, "--target", "numbers") == 2
    assert "its vectors are of no fixed width; distances need a model" in capsys.readouterr().err


def test_a_task_without_vectors_costs_no_other(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = ("--tasks", str(place / "late"))
    measures = ("--measure", "otfrm", "--measure", "otdd")
    assert run(place, "matrix", "half", tmp_path, *late, *measures) == 0
    rows = told(tmp_path)["pairs"]
    lost = [row for row in rows if row["problem"] is not None]
    assert {row["target"] for row in lost} == {"late"}
    assert all("half has no vector of any protein of late" in row["problem"] for row in lost)
    assert len(rows) - len(lost) == 3 + 3 + 3
    printed = capsys.readouterr()
    assert printed.out.strip().endswith(f"; {len(lost)} could not be measured")
    assert "otfrm, all others to late: none, half has no vector" in printed.err
    assert run(place, "rank", "half", tmp_path / "rank", *late, "--target", "either") == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("wasserstein: ")
    for line in told(tmp_path / "rank")["pairs"]:
        assert (line["source"] == "late") is (line["problem"] is not None)


def test_a_model_without_vectors_of_the_target(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = ("--target", "numbers", "--measure", "logme")
    assert run(place, "rank", "none right wrong", tmp_path, *target, "--n", "100") == 0
    assert capsys.readouterr().out.strip() == "logme: right > wrong > none"
    assert run(place, "rank", "none", tmp_path / "b", *target[:2], "--measure", "wasserstein") == 2
    assert "none has no vector of any protein of numbers" in capsys.readouterr().err


def test_models_of_different_widths_and_coverage(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--target", "numbers", "--measure", "logme", "--measure", "knn-purity", "--n", "100")
    assert run(place, "rank", "wrong wide half right", tmp_path, *more) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(("logme: right", "logme: half"))
    assert lines[0].endswith("wrong")
    # Of the proteins that all of them have: those of half.
    assert {tuple(row["proteins"]) for row in told(tmp_path)["pairs"]} == {(ENTRIES // 4,)}
    rows = {(row["measure"], row["source"]): row["value"] for row in told(tmp_path)["pairs"]}
    assert rows["logme", "half"] == rows["logme", "right"]


def test_rank_of_another_target_is_another_record(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measure = ("--measure", "wasserstein")
    assert run(place, "rank", "right", tmp_path, "--target", "numbers", *measure) == 0
    assert run(place, "rank", "right", tmp_path, "--target", "either", *measure, "--resume") == 2
    assert "was begun with another target" in capsys.readouterr().err


def test_another_model_of_the_same_name_is_another_record(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that was trained again lies in the same place under the same name."""
    command = ["transfer", "matrix", str(tmp_path / "model"), "--tasks", str(place / "tasks")]
    command += ["--out", str(tmp_path / "out"), "--measure", "wasserstein", *QUICK]
    store(tmp_path / "model", planted_vectors())
    assert main(command) == 0
    assert main([*command, "--resume"]) == 0
    (tmp_path / "model").rename(tmp_path / "old")
    store(tmp_path / "model", planted_vectors(seed=5))
    assert main([*command, "--resume"]) == 2
    assert "was begun with another model of this name" in capsys.readouterr().err


def test_another_table_under_the_same_name_is_another_record(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = planted_rows("regression")
    for name in ("one", "two"):
        write_task(tmp_path / "tasks" / name, rows)
    command = ["transfer", "matrix", str(place / "right"), "--tasks", str(tmp_path / "tasks")]
    command += ["--out", str(tmp_path / "out"), "--measure", "wasserstein", *QUICK]
    assert main(command) == 0
    write_task(tmp_path / "tasks" / "two", rows[:-1])
    assert main([*command, "--resume"]) == 2
    assert "was begun with another content of a task" in capsys.readouterr().err


def test_two_at_once_do_not_overwrite_each_other(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with alone(tmp_path):
        assert run(place, "matrix", "right", tmp_path, "--measure", "wasserstein") == 2
        assert "another process is measuring into it" in capsys.readouterr().err
    assert run(place, "matrix", "right", tmp_path, "--measure", "wasserstein") == 0
    assert not list(tmp_path.glob("*.lock"))


def test_the_order_in_which_tasks_are_named_does_not_matter(place: Path, tmp_path: Path) -> None:
    folders = [str(place / "tasks" / name) for name in ("numbers", "either", "kinds")]
    found = []
    for number, order in enumerate((folders, folders[::-1])):
        tasks = [part for folder in order for part in ("--tasks", folder)]
        out = ("--out", str(tmp_path / str(number)), "--n", "30", "--replicates", "3")
        assert main(["transfer", "matrix", str(place / "right"), *tasks, *out]) == 0
        rows = told(tmp_path / str(number))["pairs"]
        found.append(
            {
                (row["measure"], *sorted((row["source"], row["target"]))): row["value"]
                for row in rows
            }
        )
    assert found[0] == pytest.approx(found[1], rel=1e-12)
    assert len(found[0]) == 3 + 3 * 3


def launched(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CODE, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.fixture(scope="module")
def busy(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], list[str]]:
    """A command that measures for a while."""

    def command(out: Path) -> list[str]:
        how = ("--n", "100", "--replicates", "20", "--measure", "otfrm", "--measure", "sinkhorn")
        measures = ("--measure", "otdd", "--measure", "logme", "--measure", "sliced-wasserstein")
        tasks = ("--tasks", str(place / "tasks"), "--tasks", str(place / "late"))
        return [
            "transfer",
            "matrix",
            str(place / "right"),
            *tasks,
            "--out",
            str(out),
            *how,
            *measures,
        ]

    return command


@pytest.fixture(scope="module")
def undisturbed(
    busy: Callable[[Path], list[str]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("whole")
    assert main(busy(out)) == 0
    return told(out)


@pytest.mark.long
@pytest.mark.parametrize("values", [1, 4, 9, 15, 22])
def test_a_killed_matrix_goes_on(
    busy: Callable[[Path], list[str]], undisturbed: dict[str, Any], tmp_path: Path, values: int
) -> None:
    """Killed twice, each time after some values; what comes out is as if it had not been."""
    command = busy(tmp_path)
    for round_ in range(2):
        process = launched([*command, *(("--resume",) if round_ else ())])
        assert process.stderr is not None
        for _ in range(values):
            if not process.stderr.readline():
                break
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert told(tmp_path)["pairs"]
    assert main([*command, "--resume"]) == 0
    found = told(tmp_path)
    key = {row["key"]: row for row in undisturbed["pairs"]}
    assert {row["key"]: row for row in found["pairs"]} == key
    assert found["draws"] == undisturbed["draws"]


@pytest.mark.long
def test_a_reader_finds_the_file_whole_at_every_moment(
    busy: Callable[[Path], list[str]], tmp_path: Path
) -> None:
    process = launched(busy(tmp_path))
    sizes: list[int] = []
    errors: list[Exception] = []

    def look() -> None:
        while process.poll() is None:
            try:
                sizes.append(len(told(tmp_path)["pairs"]))
            except FileNotFoundError:
                continue
            except ValueError as error:
                errors.append(error)

    reader = threading.Thread(target=look)
    reader.start()
    process.communicate()
    reader.join()
    assert errors == []
    assert sizes == sorted(sizes)
    assert process.returncode == 0


def test_pairs_and_residues_are_measured_by_their_proteins(place: Path, tmp_path: Path) -> None:
    rows = [row | {"target": "HE" * 6 + "C"} for row in proteins(ENTRIES)]
    write_task(tmp_path / "tasks" / "residues", rows, "residue_multiclass", "accuracy")
    more = ("--tasks", str(tmp_path / "tasks"), "--measure", "wasserstein", "--measure", "otdd")
    assert run(place, "matrix", "right", tmp_path / "out", *more) == 0
    for row in told(tmp_path / "out")["pairs"]:
        labelled = "residues" not in (row["source"], row["target"]) or row["measure"] != "otdd"
        assert (row["value"] is not None) is labelled
        if not labelled:
            assert "needs labels of residues" in row["problem"]
