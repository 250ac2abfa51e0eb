"""transfer.json: always whole, resumable after any value, never mixed, and told when it is odd."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.errors import MultiprotError, OutputExistsError, TransferError
from multiprot.transfer import (
    MEASURES,
    Draws,
    Estimate,
    Outcome,
    Sample,
    TransferOptions,
    TransferRecord,
    ranked,
    study_matrix,
    study_ranking,
)
from multiprot.transfer.lock import alone
from multiprot.transfer.record import FORMAT, TRANSFER, key_of
from tests.transfer.sets import clustered

QUICK = TransferOptions(n=24, replicates=3, directions=10)
HEAD = {"verb": "matrix", "model": "m", "options": {"n": 24}, "names": ["a"]}
NAMES = st.text(min_size=1, max_size=12)


def found(value: float = 0.25, low: float = nan, warning: str | None = None) -> Estimate:
    return Estimate(
        measure="wasserstein",
        samples=("a", "b"),
        value=value,
        low=low,
        high=low,
        proteins=(20, 20),
        by_size=((10, 0.3), (20, value)),
        parts={},
        replicates=0,
        failed=0,
        warning=warning,
    )


DRAWS = Draws((20, 20), ((10, Outcome(0.3)), (20, Outcome(0.25))), (Outcome(0.1 + 0.2), None))


def opened(folder: Path, *, resume: bool = True, **head: Any) -> TransferRecord:
    return TransferRecord.open(folder, {**HEAD, **head}, resume=resume)


@settings(max_examples=60)
@given(first=st.tuples(NAMES, NAMES, NAMES), second=st.tuples(NAMES, NAMES, NAMES))
def test_keys_tell_any_names_apart(
    first: tuple[str, str, str], second: tuple[str, str, str]
) -> None:
    assert (key_of(*first) == key_of(*second)) is (first == second)


@pytest.mark.parametrize("name", ["a\tb", "größe", "ДНК 🧬", 'quoted "x"', "line\nbreak", "\\t"])
def test_names_of_any_letters(name: str, tmp_path: Path) -> None:
    """Tabs once parted the names in keys, and OTFRM came to grief over them."""
    sets = [clustered(name, 30), clustered("other", 30, shift=0.4, seed=1), clustered("third", 30)]
    record = opened(tmp_path, resume=False)
    measures = [MEASURES["otfrm"], MEASURES["wasserstein"]]
    study_matrix(sets, measures, QUICK, record)
    again = opened(tmp_path)
    assert again.rows == record.rows
    told: list[str] = []
    study_matrix(sets, measures, QUICK, again, told.append)
    assert told == []
    assert {row["target"] for row in again.rows.values() if row["measure"] == "otfrm"} == {
        name,
        "other",
        "third",
    }


@settings(max_examples=20)
@given(value=st.floats(allow_nan=False, allow_infinity=False), part=st.floats(-9, 9))
def test_numbers_come_back_to_the_bit(value: float, part: float, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("record")
    record = opened(folder, resume=False)
    draws = Draws((3, 4), ((5, Outcome(part)),), (Outcome(value), None))
    record.add("wasserstein", "a", "b", found(value), draws, step=7)
    again = opened(folder)
    assert again.rows == record.rows
    (key,) = again.draws
    assert again.draws[key].halves[0].value == value  # type: ignore[union-attr]
    assert again.draws[key].by_size == ((5, Outcome(part)),)
    assert again.draws[key].proteins == (3, 4)
    assert again.rows[key]["step"] == 7


def test_a_file_has_no_nan_and_says_what_it_is(tmp_path: Path) -> None:
    record = opened(tmp_path, resume=False)
    record.add("wasserstein", "a", "b", found(warning="unstable"), DRAWS)
    record.add("otdd", "a", "b", "no labels")

    def refuse(constant: str) -> float:
        raise ValueError(constant)

    told = json.loads((tmp_path / TRANSFER).read_text(), parse_constant=refuse)
    assert told["format"] == FORMAT
    assert [row["low"] for row in told["pairs"]] == [None, None]
    assert [row["warnings"] for row in told["pairs"]] == [["unstable"], []]
    assert [row["problem"] for row in told["pairs"]] == [None, "no labels"]


def test_what_failed_is_tried_again(tmp_path: Path) -> None:
    """A library that was missing may be installed now."""
    record = opened(tmp_path, resume=False)
    record.add("wasserstein", "a", "b", found(), DRAWS)
    record.add("otdd", "a", "b", "this measure needs the package POT")
    again = opened(tmp_path)
    assert [row["measure"] for row in again.rows.values()] == ["wasserstein"]
    assert list(again.draws) == list(again.rows)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no JSON"),
        (b"{", "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b"[1, 2]", "format None, not 'multiprot-transfer'"),
        (b"{}", "format None"),
        (b'{"format": "multiprot-evaluation"}', "format 'multiprot-evaluation'"),
        (b'{"format": "multiprot-transfer"}', "begun with another verb"),
    ],
)
def test_a_file_of_something_else_is_named(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / TRANSFER
    path.write_bytes(content)
    with pytest.raises(TransferError, match=says) as caught:
        opened(tmp_path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told.pop("pairs"),
        lambda told: told.pop("draws"),
        lambda told: told["pairs"][0].pop("target"),
        lambda told: told["pairs"][0].pop("problem"),
        lambda told: told["pairs"].append("row"),
        lambda told: told.update(draws=[1]),
        lambda told: next(iter(told["draws"].values())).pop("halves"),
        lambda told: next(iter(told["draws"].values())).update(by_size=[[1]]),
    ],
)
def test_a_record_of_another_version_is_named(
    spoil: Callable[[dict[str, Any]], Any], tmp_path: Path
) -> None:
    record = opened(tmp_path, resume=False)
    record.add("wasserstein", "a", "b", found(), DRAWS)
    path = tmp_path / TRANSFER
    told = json.loads(path.read_text())
    spoil(told)
    path.write_text(json.dumps(told))
    with pytest.raises(
        TransferError, match=r"transfer\.json: its values are not as this multiprot"
    ):
        opened(tmp_path)


def test_keys_of_an_older_file_are_made_anew(tmp_path: Path) -> None:
    """Values are found by their names, however the file keys them."""
    record = opened(tmp_path, resume=False)
    record.add("wasserstein", "a", "b", found(), DRAWS)
    text = (tmp_path / TRANSFER).read_text()
    (key,) = record.rows
    (tmp_path / TRANSFER).write_text(text.replace(json.dumps(key), json.dumps("wasserstein\ta\tb")))
    again = opened(tmp_path)
    assert again.rows == record.rows
    assert again.draws[key].halves == DRAWS.halves


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"verb": "rank"}, "another verb"),
        ({"model": "n"}, "another model"),
        ({"model_identities": [{"content_hash": "1"}]}, "another model of this name"),
        ({"options": {"n": 25}}, "another option"),
        ({"names": ["b"]}, "another list of tasks"),
        ({"tasks": {"a": "regression 1"}}, "another content of a task"),
        ({"target": "b"}, "another target"),
    ],
)
def test_values_of_something_else_are_not_mixed_in(
    change: dict[str, Any], says: str, tmp_path: Path
) -> None:
    opened(tmp_path, resume=False).write()
    with pytest.raises(TransferError, match=f"was begun with {says}; give the same"):
        opened(tmp_path, **change)


def test_places_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(MultiprotError, match="file"):
        opened(tmp_path / "file" / "out", resume=False)
    (tmp_path / "out" / TRANSFER).mkdir(parents=True)
    with pytest.raises(OutputExistsError):
        opened(tmp_path / "out", resume=False)
    with pytest.raises(MultiprotError, match=r"transfer\.json: is a folder"):
        opened(tmp_path / "out")


def sets() -> list[Sample]:
    bare = Sample("bare", clustered("x", 30, seed=3).vectors)
    return [clustered("a", 30), clustered("b", 26, shift=0.4, seed=1), bare]


ALL = ("otfrm", "wasserstein", "sliced-wasserstein", "otdd", "h-score")


class StoppedError(Exception):
    """Stands for a power cut between two values."""


def stopped_after(count: int) -> Callable[[str], None]:
    left = [count]

    def stop(told: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise StoppedError

    return stop


def values(record: TransferRecord) -> dict[str, dict[str, Any]]:
    return dict(sorted(record.rows.items()))


def test_a_matrix_stopped_anywhere_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    measures = [MEASURES[name] for name in ALL]
    whole = opened(tmp_path / "whole", resume=False)
    told: list[str] = []
    study_matrix(sets(), measures, QUICK, whole, told.append)
    assert len(told) == len(whole.rows) == 3 * 4 + 3
    for count in range(1, len(told)):
        folder = tmp_path / str(count)
        with pytest.raises(StoppedError):
            study_matrix(
                sets(), measures, QUICK, opened(folder, resume=False), stopped_after(count)
            )
        record = opened(folder)
        kept = len(record.rows)
        assert kept == sum("none, " not in line for line in told[:count])
        rest: list[str] = []
        study_matrix(sets(), measures, QUICK, record, rest.append)
        assert len(rest) == len(told) - kept
        assert values(record) == values(whole)
        assert sorted(opened(folder).draws) == sorted(whole.draws)


def test_a_ranking_stopped_anywhere_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    measures = [MEASURES[name] for name in ("wasserstein", "otfrm", "otdd")]
    target = clustered("target", 28, seed=9)
    candidates = {s.name: (s, target) for s in sets()}
    missing = {"gone": "m has no vector of any protein of gone"}
    whole = opened(tmp_path / "whole", resume=False)
    study_ranking("target", candidates, measures, QUICK, whole, missing=missing)
    for count in range(1, len(whole.rows)):
        folder = tmp_path / str(count)
        stop = stopped_after(count)
        with pytest.raises(StoppedError):
            study_ranking(
                "target", candidates, measures, QUICK, opened(folder, resume=False), stop, missing
            )
        record = opened(folder)
        study_ranking("target", candidates, measures, QUICK, record, missing=missing)
        assert values(record) == values(whole)
        for measure in measures:
            assert ranked(record, measure) == ranked(whole, measure)
    assert ranked(whole, MEASURES["wasserstein"])[-1] == "gone"
    assert ranked(whole, MEASURES["otdd"])[-2:] == ["bare", "gone"]


def test_a_missing_task_costs_no_other(tmp_path: Path) -> None:
    measures = [MEASURES[name] for name in ALL]
    record = opened(tmp_path, resume=False)
    reason = "m has no vector of any protein of gone"
    study_matrix(sets()[:2], measures, QUICK, record, missing={"gone": reason})
    whole = opened(tmp_path / "whole", resume=False)
    study_matrix(sets()[:2], measures, QUICK, whole)
    good = {key: row for key, row in record.rows.items() if row["problem"] is None}
    assert good == whole.rows
    rest = [row for row in record.rows.values() if row["problem"] is not None]
    assert {row["problem"] for row in rest} == {reason}
    assert {(row["measure"], row["source"], row["target"]) for row in rest} == {
        ("otfrm", "", "gone"),
        ("h-score", "gone", "gone"),
        *((name, source, "gone") for name in ALL[1:4] for source in "ab"),
    }


def test_otfrm_of_one_task_may_fail_alone(tmp_path: Path) -> None:
    """A distance that has no value costs OTFRM of its two tasks, and no third value."""
    wide = Sample("wide", np.eye(12, 9, dtype=np.float32) + 1)
    record = opened(tmp_path, resume=False)
    study_matrix([*sets(), wide], [MEASURES["otfrm"]], QUICK, record)
    rows = {row["target"]: row for row in record.rows.values() if row["measure"] == "otfrm"}
    assert "wasserstein to wide has no value" in rows["a"]["problem"]
    assert "wasserstein to a, b, bare has no value" in rows["wide"]["problem"]
    assert set(rows) == {"a", "b", "bare", "wide"}


def test_what_a_matrix_cannot_be_made_of_is_told_first(tmp_path: Path) -> None:
    record = opened(tmp_path, resume=False)
    for measures, samples, says in (
        (("cka",), sets(), "cka compares two models on the same proteins"),
        (("otfrm",), sets()[:1], "otfrm compares tasks, and there is only a; give at least two"),
        (("wasserstein",), [], "there is only none"),
        (("h-score",), [sets()[0], sets()[0]], "two tasks are called 'a'"),
    ):
        with pytest.raises(TransferError, match=says):
            study_matrix(samples, [MEASURES[m] for m in measures], QUICK, record)
    assert not (tmp_path / TRANSFER).exists()
    study_matrix(sets()[:1], [MEASURES["h-score"]], QUICK, record)
    assert len(record.rows) == 1


FULL = """
    import resource, sys
    from pathlib import Path
    from multiprot.errors import MultiprotError
    from multiprot.transfer import MEASURES, TransferRecord, study_matrix
    from tests.transfer.test_record import HEAD, QUICK, sets
    folder, limit = Path(sys.argv[1]), int(sys.argv[2])
    record = TransferRecord.open(folder, HEAD, resume=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        study_matrix(sets(), [MEASURES["wasserstein"], MEASURES["h-score"]], QUICK, record)
    except MultiprotError as error:
        print(error)
    """


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)},
    )


def test_a_full_disk_leaves_the_values_before_it(tmp_path: Path) -> None:
    measures = [MEASURES["wasserstein"], MEASURES["h-score"]]
    sizes: list[int] = []
    whole = opened(tmp_path / "whole", resume=False)
    path = tmp_path / "whole" / TRANSFER
    study_matrix(sets(), measures, QUICK, whole, lambda _: sizes.append(path.stat().st_size))
    out, errors = python(FULL, str(tmp_path / "full"), str(sizes[2] + 9)).communicate(timeout=120)
    assert errors == ""
    assert out.strip().endswith("transfer.json: File too large")
    folder = tmp_path / "full"
    assert [p.name for p in folder.iterdir()] == [TRANSFER]
    record = opened(folder)
    assert len(record.rows) == 3
    study_matrix(sets(), measures, QUICK, record)
    assert values(record) == values(whole)


HOLD = """
    import sys
    from pathlib import Path
    from multiprot.transfer.lock import alone
    with alone(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
    """


def test_one_process_at_a_time(tmp_path: Path) -> None:
    process = python(HOLD, str(tmp_path))
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with (
            pytest.raises(
                TransferError, match=r"another process is measuring .*transfer\.json\.lock"
            ),
            alone(tmp_path),
        ):
            raise AssertionError
        process.send_signal(signal.SIGKILL)
    finally:
        process.communicate()
    # The dead hold no lock, and nothing is left of it.
    with alone(tmp_path):
        assert (tmp_path / "transfer.json.lock").exists()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoppedError), alone(tmp_path):
        raise StoppedError
    assert list(tmp_path.iterdir()) == []
