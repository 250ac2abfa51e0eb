"""A fidelity card as a page: whole, safe, and true to the card."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from multiprot.cli.main import main
from multiprot.errors import ReportError
from multiprot.fidelity import FidelityCard, read_card
from multiprot.fidelity.card import Measured
from multiprot.report import build_report
from multiprot.report import fidelity_page as page_module
from multiprot.report.fidelity_page import card_page, write_card
from tests.fidelity.cards import card, line, teacher
from tests.report.browser import chromium
from tests.report.makers import NASTY
from tests.report.test_page import Outline


def rich() -> FidelityCard:
    """Two teachers, one of which gains nothing."""
    lines = (
        line("a", 0.9, split="test_fold"),
        line("a", 0.7, split="test_family", counted=False, why="left out by --not-counted"),
        line("b", None, within=False, why="the teacher is not clearly better"),
    )
    return card(
        teacher("large", 0.9, *lines),
        teacher("huge", None, line("a", None)),
        min_retained=0.97,
        passed=False,
        notes=("one to know",),
    )


def figures(page: str) -> dict[str, dict]:  # type: ignore[type-arg]
    found = re.search(r'id="report-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return {each["id"]: each for each in json.loads(found[1])["figures"]}


def test_it_says_what_the_card_says(tmp_path: Path) -> None:
    page = card_page(rich(), tmp_path)
    text = " ".join(" ".join(Outline(page).texts).split())
    assert "pupil retains 90.0 %" in text
    assert "There is no share to tell beside huge" in text
    assert "it is not reached" in text
    assert "one to know" in text
    assert "hash of the student" in text
    assert "multiprot fidelity pupil" in text
    assert "no, left out" in text


def test_figures_are_the_cards_numbers(tmp_path: Path) -> None:
    found = figures(card_page(rich(), tmp_path))
    differences = found["fidelity-differences"]["data"]
    assert differences[0]["x"] == [-2.0, -2.0, -2.0]
    assert differences[0]["y"] == ["a, test_fold", "a, test_family", "b"]
    (large,) = (trace for trace in found["fidelity-retained"]["data"] if trace["x"])
    assert large["x"] == [0.9, 0.7]
    assert [mark.endswith("-open") for mark in large["marker"]["symbol"]] == [False, True]
    overlap = found["fidelity-overlap"]["data"]
    assert [trace["name"] for trace in overlap] == ["large", "huge", "chance"]
    bars = found["fidelity-protein-cosine"]["data"][0]
    assert sum(bars["y"]) == pytest.approx(1)
    points = found["fidelity-retained-speed"]["data"]
    assert {point["name"]: point["x"][0] for point in points} == {
        "pupil": 1000,
        "large": 400,
        "huge": 400,
    }


def test_every_plot_has_a_place_of_its_own(tmp_path: Path) -> None:
    page = card_page(rich(), tmp_path)
    names = [a["id"] for _, a in Outline(page).tags if a.get("id")]
    assert len(names) == len(set(names))
    assert figures(page).keys() <= set(names)


def test_markup_in_names_is_text(tmp_path: Path) -> None:
    nasty = card(
        teacher(f"{NASTY}t", 0.9, line(f"{NASTY}task")),
        name=f"{NASTY}s",
        notes=(NASTY,),
        command=NASTY,
    )
    page = card_page(nasty, tmp_path)
    plain = card_page(card(teacher("t", 0.9, line("task")), notes=("n",)), tmp_path)
    assert len(Outline(page).tags) == len(Outline(plain).tags)
    assert not Outline(page).open


@pytest.mark.parametrize("unknown", [None, 0.0])
def test_what_is_not_known_is_no_number(unknown: float | None, tmp_path: Path) -> None:
    nothing = Measured(value=unknown)
    bare = line("a", None, student=nothing, teacher=nothing, difference=nothing, within=None)
    alone = teacher("t", None, bare).model_copy(
        update={"parameter_share": None, "memory_share": None}
    )
    page = card_page(card(alone), tmp_path)
    assert "nan" not in " ".join(Outline(page).texts).split()
    assert "fidelity-differences" not in figures(page)


def test_a_page_that_fails_leaves_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise ReportError("no plotly")

    monkeypatch.setattr(page_module, "render", fail)
    with pytest.raises(ReportError):
        write_card(rich(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_report_shows_cards_beside_other_folders(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_card(rich(), tmp_path / name)
        assert read_card(tmp_path / name) == rich()
    _, titles = build_report([tmp_path / "one", tmp_path / "two"])
    assert titles[0] == "What the student keeps, one"
    assert len(titles) == 10
    out = tmp_path / "page.html"
    assert main(["report", str(tmp_path / "one"), "--out", str(out)]) == 0
    assert out.is_file()


def test_in_a_browser_all_is_drawn_and_nothing_sticks_out(tmp_path: Path) -> None:
    write_card(rich(), tmp_path)
    with chromium() as page:
        for width in (1200, 390):
            page.open(tmp_path / "fidelity.html", width=width, height=900)
            assert page.overflow() == 0
            assert page.complaints() == []
            assert page.requests() == []
            drawn = page.run(
                "return [...document.querySelectorAll('.plot')].map(plot => {"
                "const svg = plot.querySelector('svg.main-svg');"
                "return svg ? svg.getBoundingClientRect().height - plot.clientHeight : null})"
            )
            assert len(drawn) == 6
            assert all(over is not None and over <= 1 for over in drawn)
