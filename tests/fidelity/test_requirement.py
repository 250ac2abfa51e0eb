"""What lets a student pass, and what does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multiprot.errors import FidelityError, MultiprotError
from multiprot.fidelity import FidelityCard, read_card, require_fidelity
from tests.fidelity.cards import card, line, teacher

HASH = "hash of the student"


def written(folder: Path, made: FidelityCard) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "fidelity.json").write_text(made.model_dump_json(indent=2))
    return folder


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = card(teacher("one", 0.98, line("a"), line("b", None)), teacher("two", None))
    folder = written(tmp_path / "card", made)
    assert read_card(folder) == read_card(folder / "fidelity.json") == made


def test_the_student_of_the_card_passes(tmp_path: Path) -> None:
    folder = written(tmp_path, card(teacher("one", 0.98), teacher("two", 0.97)))
    assert require_fidelity(folder, HASH, 0.97).retained == 0.97


@pytest.mark.parametrize(
    ("made", "student", "says"),
    [
        (card(teacher("one", 0.98)), "another", "is the card of pupil .hash of the .*not of the"),
        (card(teacher("one", 0.98), teacher("two", 0.96)), HASH, "retains 0.960 .* two gains"),
        (card(teacher("one", None)), HASH, "could not be measured .no gain to retain"),
        (card(teacher("one", 0.98), teacher("two", None)), HASH, "of two could not be measured"),
    ],
)
def test_others_do_not(made: FidelityCard, student: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(FidelityError, match=says):
        require_fidelity(written(tmp_path, made), student, 0.97)


def test_a_bar_that_a_card_was_made_with_does_not_bind_an_export(tmp_path: Path) -> None:
    folder = written(tmp_path, card(teacher("one", 0.5), min_retained=0.97, passed=False))
    assert require_fidelity(folder, HASH, 0.5).passed is False


def test_a_missing_card_says_how_to_make_one(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "fidelity.json", tmp_path / "absent.json"):
        with pytest.raises(FidelityError, match="no fidelity card; make one with `multiprot fid"):
            require_fidelity(path, HASH, 0.97)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: text.replace('"multiprot-fidelity"', '"other"'),
        lambda text: json.dumps(json.loads(text) | {"teachers": []}),
        lambda text: json.dumps({k: v for k, v in json.loads(text).items() if k != "teachers"}),
        lambda text: text.replace('"format_version": 1', '"format_version": 2'),
        lambda text: text.replace('"value": 0.98', '"value": "much"'),
        lambda text: text.replace('"value": 0.98', '"value": NaN'),
    ],
)
def test_a_damaged_card_lets_nobody_pass(spoil: object, tmp_path: Path) -> None:
    folder = written(tmp_path, card(teacher("one", 0.98)))
    path = folder / "fidelity.json"
    path.write_text(spoil(path.read_text()))  # type: ignore[operator]
    with pytest.raises(MultiprotError, match=r"fidelity\.json"):
        require_fidelity(folder, HASH, 0.1)
