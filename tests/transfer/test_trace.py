"""From the pretraining corpus to tasks, checkpoint by checkpoint, from the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.bundle import load_bundle
from multiprot.cli.main import main
from multiprot.data import Corpus
from multiprot.errors import MultiprotError, TransferError
from multiprot.evaluation.features import ModelReference, open_source
from multiprot.evaluation.tasks import load_task
from multiprot.transfer import (
    MEASURES,
    TransferOptions,
    TransferRecord,
    checkpoint_sources,
    estimate,
    run_corpus,
    sequence_sample,
    study_trace,
    task_sample,
)
from multiprot.transfer.trace import CORPUS
from tests.evaluation.tasks.folders import proteins, write_task
from tests.transfer.runs import make_corpus, make_run
from tests.transfer.test_task_samples import pairs, residues, several

QUICK = ("--n", "12", "--replicates", "0")
STEPS = [2, 4, 6]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("trace")
    make_corpus(place / "corpus")
    make_run(place / "run", place / "corpus")
    write_task(place / "tasks" / "numbers", proteins())
    write_task(place / "more" / "pairs", pairs(), "pair_regression")
    write_task(place / "more" / "residues", residues(), "residue_multiclass", "accuracy")
    write_task(place / "more" / "labels", several(), "multilabel", "micro_f1")
    write_task(place / "more" / "few", proteins(8))
    return place


@pytest.fixture
def copied(place: Path, tmp_path: Path) -> Path:
    """The run, to be spoilt."""
    return Path(shutil.copytree(place / "run", tmp_path / "run"))


def trace(run: Path, place: Path, out: Path, *more: str, tasks: str = "tasks") -> int:
    arguments = [str(run), "--tasks", str(place / tasks), "--out", str(out), *QUICK, *more]
    return main(["transfer", "trace", *arguments])


def told(out: Path) -> dict[str, Any]:
    return json.loads((out / "transfer.json").read_text())  # type: ignore[no-any-return]


def test_distances_change_as_the_model_does(place: Path, tmp_path: Path) -> None:
    assert trace(place / "run", place, tmp_path / "out") == 0
    rows = told(tmp_path / "out")["pairs"]
    assert [(row["step"], row["source"]) for row in rows] == [(s, f"step {s}") for s in STEPS]
    values = [row["value"] for row in rows]
    assert len(set(values)) == 3
    assert all(0 <= value <= 2 for value in values)
    # The last checkpoint is the model that the run left: its value is that of the bundle.
    source = open_source(ModelReference.parse(f"{place / 'run' / 'bundle'}"), cache=tmp_path)
    corpus, task = Corpus.open(place / "corpus"), load_task(place / "tasks" / "numbers")
    chosen = np.sort(np.random.default_rng(0).permutation(corpus.rows("train"))[:12])
    sequences = [record.sequence for record in corpus.read(chosen)]
    pair = (sequence_sample(source, CORPUS, sequences), task_sample(source, task, 12))
    expected = estimate(MEASURES["wasserstein"], pair, TransferOptions(n=12, replicates=0))
    assert values[-1] == pytest.approx(expected.value, rel=1e-4)


def test_tasks_of_every_kind_and_one_too_small(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trace(place / "run", place, tmp_path / "out", tasks="more") == 0
    rows = told(tmp_path / "out")["pairs"]
    assert len(rows) == 4 * 3
    good = {row["target"] for row in rows if row["value"] is not None}
    assert good == {"pairs", "residues", "labels"}
    assert {row["problem"] for row in rows if row["target"] == "few"} == {
        "few: 4 proteins are too few; give at least 10"
    }
    printed = capsys.readouterr()
    assert printed.out.startswith("9 values, in ")
    assert printed.out.strip().endswith("; 3 could not be measured")
    assert "wasserstein, step 2 to few: none, few: 4 proteins" in printed.err


def test_a_trace_stopped_anywhere_goes_on(place: Path, tmp_path: Path) -> None:
    measure, options = MEASURES["wasserstein"], TransferOptions(n=12, replicates=2)
    corpus, tasks = Corpus.open(place / "corpus"), [load_task(place / "tasks" / "numbers")]
    head = {"verb": "trace", "model": "run"}

    def go_on(folder: Path, on_row: Callable[[str], None], *, resume: bool = False) -> None:
        sources = checkpoint_sources(place / "run", tmp_path / "vectors")
        record = TransferRecord.open(folder, head, resume=resume)
        study_trace(sources, corpus, tasks, measure, options, record, on_row)

    lines: list[str] = []
    go_on(tmp_path / "whole", lines.append)
    assert len(lines) == 3
    for count in (1, 2):
        seen: list[str] = []

        def stop(line: str, seen: list[str] = seen, count: int = count) -> None:
            seen.append(line)
            if len(seen) == count:
                raise KeyboardInterrupt

        folder = tmp_path / str(count)
        with pytest.raises(KeyboardInterrupt):
            go_on(folder, stop)
        go_on(folder, seen.append, resume=True)
        assert seen == lines
        assert told(folder) == told(tmp_path / "whole")
    # Of a step that has all its values no protein is embedded again.
    shutil.rmtree(tmp_path / "vectors")
    go_on(tmp_path / "whole", lines.append, resume=True)
    assert len(lines) == 3
    assert not (tmp_path / "vectors").exists()


def test_another_run_of_the_same_name_is_not_gone_on_with(
    place: Path, copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert trace(copied, place, out) == 0
    assert trace(copied, place, out, "--resume") == 0
    shutil.rmtree(copied)
    make_run(copied, place / "corpus", seed=6)
    assert trace(copied, place, out, "--resume") == 2
    assert "was begun with another model of this name" in capsys.readouterr().err


def test_the_corpus_is_found_or_asked_for(
    place: Path, copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # It lies where the recipe says, and may lie in the run's folder.
    assert run_corpus(place / "run").path == place / "corpus"
    shutil.copytree(place / "corpus", copied / "corpus")
    assert run_corpus(copied).path == copied / "corpus"
    assert run_corpus(copied, place / "corpus").path == place / "corpus"
    make_corpus(tmp_path / "other", seed=4)
    with pytest.raises(TransferError, match=r"other: is not the corpus that .* name the right one"):
        run_corpus(copied, tmp_path / "other")
    assert trace(copied, place, tmp_path / "out", "--corpus", str(tmp_path / "other")) == 2
    assert "is not the corpus" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(MultiprotError, match="nowhere"):
        run_corpus(copied, tmp_path / "nowhere")


def test_a_run_without_what_is_needed_is_told(
    place: Path, copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    for spoil in (lambda: shutil.rmtree(copied / "checkpoints"), lambda: shutil.rmtree(copied)):
        spoil()
        assert trace(copied, place, out) == 2
        assert "a finished run with checkpoints is needed" in capsys.readouterr().err
    assert trace(place / "run", place, out, "--measure", "logme") == 2
    assert "logme takes one set" in capsys.readouterr().err
    assert not out.exists()


def test_vectors_are_computed_once(place: Path, tmp_path: Path) -> None:
    """Each checkpoint has its own, and a second trace finds them."""
    vectors = tmp_path / "vectors"
    cached = ("--cache", str(vectors))
    assert trace(place / "run", place, tmp_path / "one", *cached) == 0
    stores = sorted(p for p in vectors.glob("*/vectors-*") if p.is_dir())
    assert len({store.parent for store in stores}) == 3
    more = ("--measure", "sinkhorn")
    assert trace(place / "run", place, tmp_path / "two", *cached, *more) == 0
    assert sorted(p for p in vectors.glob("*/vectors-*") if p.is_dir()) == stores
    assert {row["measure"] for row in told(tmp_path / "two")["pairs"]} == {"sinkhorn"}
    assert [row["value"] for row in told(tmp_path / "one")["pairs"]] != [
        row["value"] for row in told(tmp_path / "two")["pairs"]
    ]


def test_the_bundle_knows_what_it_learnt_from_and_no_more(place: Path) -> None:
    trained = load_bundle(place / "run" / "bundle").trained_on()
    assert trained is not None
    corpus = Corpus.open(place / "corpus")

    def split(name: str) -> list[str]:
        return [record.sequence for record in corpus.read(corpus.rows(name))]

    seen = [*split("train"), *split("valid")]
    assert trained.hold(seen).all()
    unseen = [s for s in split("test") if s not in set(seen)]
    assert not trained.hold([*unseen, "MKV"]).any()
    assert len(trained) == len(set(seen))
