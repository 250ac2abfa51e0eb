"""`multiprot fidelity` as a user runs it: itself, another, interrupted, and asked for nonsense."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from multiprot.cli.main import main
from multiprot.errors import FidelityError
from multiprot.evaluation.comparison.folder import CELLS, finished_cells
from multiprot.fidelity import read_card, require_fidelity, student_hash
from tests.evaluation.tasks.folders import proteins, write_task
from tests.fidelity.students import fasta, planted_task, tiny_student
from tests.tiny_model import save_tiny_bundle

QUICK = ("--rounds", "1", "--timed-residues", "1", "--resamples", "60", "--seeds", "1")
CODE = "import sys; from multiprot.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("fidelity")
    student = tiny_student(place / "student")
    tiny_student(place / "other", seed=1, width=128)
    save_tiny_bundle(place / "bundle")
    fasta(place / "proteins.fasta", 200)
    planted_task(place / "tasks" / "planted", student)
    write_task(place / "tasks" / "dms_pab1", proteins(200))
    return place


def arguments(place: Path, out: Path, *more: str, teachers: tuple[str, ...] = ()) -> list[str]:
    named = teachers or (f"other=student:{place / 'other'}",)
    return [
        *("fidelity", f"student:{place / 'student'}"),
        *(part for name in named for part in ("--teacher", name)),
        *("--proteins", str(place / "proteins.fasta"), "--tasks", str(place / "tasks")),
        *("--out", str(out), *QUICK, *more),
    ]


@pytest.fixture(scope="module")
def itself(place: Path) -> Path:
    """The student as its own teacher, and a bundle as another."""
    out = place / "itself"
    teachers = (f"itself=student:{place / 'student'}", f"bundle={place / 'bundle'}")
    assert main(arguments(place, out, "--neighbours", "7", teachers=teachers)) == 0
    return out


def test_a_model_keeps_all_of_itself(itself: Path) -> None:
    card = read_card(itself)
    teacher = card.teachers[0]
    assert teacher.model.content_hash == card.student.content_hash
    agreed = teacher.agreement
    assert agreed.kernel_alignment == pytest.approx(1)
    assert agreed.rank_correlation == pytest.approx(1)
    assert agreed.protein_cosine.centred.value == pytest.approx(1, abs=1e-3)
    assert agreed.residue_cosine.centred.value == pytest.approx(1, abs=1e-3)
    assert {overlap.share.value for overlap in agreed.overlaps} == {1.0}
    assert [overlap.k for overlap in agreed.overlaps] == [1, 2, 5, 7, 10, 20, 50]
    assert teacher.retained.tasks == {"planted": pytest.approx(1)}
    assert teacher.retained.share is not None
    assert teacher.retained.share.value == pytest.approx(1)
    assert (teacher.retained.within, teacher.retained.lines) == (2, 2)
    whys = {line.task: line.why for line in teacher.lines}
    assert whys == {"planted": "counts", "dms_pab1": "left out by --not-counted"}
    assert (teacher.parameter_share, card.min_retained, card.passed) == (1, None, None)


def test_another_model_is_another(itself: Path) -> None:
    card = read_card(itself)
    other = card.teachers[1]
    assert other.model.kind == "bundle"
    assert other.model.reads == ("sequence", "structure")
    assert other.model.used == {"sequence": 200}
    assert other.agreement.kernel_alignment < 0.9
    assert other.agreement.residue_cosine.rows == 200 * 24
    # Of a teacher that gains nothing there is no share, and so none of the card.
    if other.retained.share is None:
        assert card.retained is None


def test_the_card_says_who_and_how(itself: Path, place: Path) -> None:
    card = read_card(itself)
    student = card.student
    assert student.content_hash == student_hash(f"student:{place / 'student'}")
    assert student.licences == {"model": "CC0-1.0"}
    assert student.corpus == {"content_hash": "c0ffee"}
    assert (student.reads, student.width, student.kind) == (("sequence",), 64, "encoder")
    assert (card.proteins.compared, card.proteins.residues, card.proteins.timed) == (200, 4800, 8)
    assert card.machine["threads"] >= 1
    assert {"multiprot", "torch"} <= card.versions.keys()
    assert card.random["model"].startswith("the shape of ")
    assert any("the protein cosine to bundle is less than it could be" in n for n in card.notes)
    assert {path.name for path in itself.iterdir()} == {
        *("fidelity.json", "fidelity.html", "work", ".lock")
    }


def test_an_export_asks_for_the_card(itself: Path, place: Path) -> None:
    own, other = (student_hash(f"student:{place / name}") for name in ("student", "other"))
    with pytest.raises(FidelityError, match="not of the student"):
        require_fidelity(itself, other, 0.5)
    if read_card(itself).retained is None:
        with pytest.raises(FidelityError, match="could not be measured"):
            require_fidelity(itself, own, 0.5)


def test_json_is_what_is_written(
    place: Path, itself: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teachers = (f"itself=student:{place / 'student'}", f"bundle={place / 'bundle'}")
    given = arguments(place, itself, "--neighbours", "7", teachers=teachers)
    assert main([*given, "--resume", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((itself / "fidelity.json").read_text())
    assert told["format"] == "multiprot-fidelity"


@pytest.mark.parametrize(("bar", "code"), [("0.999", 0), ("1.01", 2)])
def test_the_bar_decides_the_exit_code_after_the_card_is_there(
    bar: str, code: int, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teachers = (f"itself=student:{place / 'student'}",)
    more = ("--min-retained", bar, "--random", f"random=student:{place / 'other'}")
    assert main(arguments(place, tmp_path / "out", *more, teachers=teachers)) == code
    card = read_card(tmp_path / "out")
    assert card.passed is (code == 0)
    assert card.random == {"name": "random", "model": f"student:{place / 'other'}"}
    assert (tmp_path / "out" / "fidelity.html").is_file()
    told = capsys.readouterr()
    assert "the bar of" in told.out
    assert ("less than 1.01" in told.err) is (code == 2)


def test_without_a_clear_gain_there_is_a_statement_and_no_number(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = f"student:{place / 'student'}"
    more = ("--random", f"same={same}", "--min-retained", "0.97")
    assert main(arguments(place, tmp_path / "out", *more, teachers=(f"itself={same}",))) == 2
    card = read_card(tmp_path / "out")
    assert card.retained is None
    assert card.passed is False
    assert "not clearly better than random weights on planted" in card.teachers[0].retained.why
    assert "none to tell" in capsys.readouterr().out
    page = (tmp_path / "out" / "fidelity.html").read_text()
    assert "There is no share to tell beside itself" in page


def test_killed_and_resumed_it_keeps_what_was_finished(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    given = arguments(place, out)
    process = subprocess.Popen([sys.executable, "-c", CODE, *given], env=os.environ)
    evaluation = out / "work" / "evaluation"
    until = time.monotonic() + 240
    while not finished_cells(evaluation) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in finished_cells(evaluation)}
    assert kept
    # As if the kill had come just before a cell was renamed, which seldom happens by itself.
    shutil.copytree(next(iter(kept)).parent, evaluation / CELLS / ".partial")
    assert not (out / "fidelity.json").exists()
    assert main(given) == 2
    assert main([*given, "--resume"]) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(finished_cells(evaluation)) == 6
    assert not list((evaluation / CELLS).glob(".*"))
    assert len(read_card(out).teachers[0].lines) == 2
    assert main(given) == 2


def refused(capsys: pytest.CaptureFixture[str], given: list[str]) -> str:
    assert main(given) == 2
    return capsys.readouterr().err


def changed(given: list[str], option: str, value: str) -> list[str]:
    at = given.index(option)
    return [*given[: at + 1], value, *given[at + 2 :]]


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--teacher", "nobody", "nobody: no such folder, and no encoder 'nobody'"),
        ("--teacher", "baseline:kmer", "is a baseline, whose speed"),
        ("--proteins", "absent.fasta", "absent.fasta"),
        ("--tasks", "absent", "absent: no such folder"),
        ("--rounds", "0", "--rounds 0"),
        ("--seeds", "0", "--seeds 0"),
    ],
)
def test_bad_input_leaves_nothing(
    option: str,
    value: str,
    says: str,
    place: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    assert says in refused(capsys, changed(arguments(place, out), option, value))
    assert not (out / "work").exists()


@pytest.mark.parametrize(
    ("count", "more", "says"),
    [
        (0, (), "0 different proteins"),
        (1, (), "1 different proteins to compare models on; give 8 or more"),
        (12, (), "12 different proteins with vectors are too few to compare 10 neighbours"),
        (40, ("--probe", "oracle"), "oracle"),
        (40, ("--metric", "luck"), "luck"),
        (40, ("--precision", "int3"), "--precision int3"),
        (40, ("--min-retained", "-1"), "--min-retained -1"),
        (40, ("--random", "baseline:dice"), "dice"),
    ],
)
def test_what_cannot_be_measured_is_said(
    count: int,
    more: tuple[str, ...],
    says: str,
    place: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = arguments(place, tmp_path / "out", *more)
    few = fasta(tmp_path / "few.fasta", count)
    assert says in refused(capsys, changed(given, "--proteins", few))
    assert not (tmp_path / "out" / "fidelity.json").exists()


def test_names_must_tell_models_apart(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = f"student:{place / 'student'}"
    given = arguments(place, tmp_path / "out", teachers=(same,))
    assert "a second model called 'student:student'" in refused(capsys, given)


def test_a_task_that_fails_is_a_note(place: Path, tmp_path: Path) -> None:
    broken = write_task(tmp_path / "broken", proteins(40), "regression", "no_such_metric")
    given = arguments(place, tmp_path / "out", "--tasks", str(broken))
    assert main(given) == 0
    notes: Any = read_card(tmp_path / "out").notes
    assert any("broken" in note and "no_such_metric" in note for note in notes)
