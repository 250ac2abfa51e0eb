"""The page as a file: whole, alone, and safe against what stands in the data."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.cli.main import main
from multiprot.errors import OutputExistsError, ReportError
from multiprot.report import ReportOptions, build_report, write_report
from multiprot.report.figure import shown
from multiprot.report.page import script_json
from tests.report.makers import NASTY, evaluation, islands, pair, run, score, store, transfer

QUICK = ReportOptions(projections=("tsne",), cluster_count=3)
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Outline(HTMLParser):
    """Tags, ids and texts of a page; raises where an element is closed that is not open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.tags if found == tag]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One of each kind, with ids and names that are markup."""
    base = tmp_path_factory.mktemp("inputs")
    ids = [f"{NASTY}{row}" for row in range(20)]
    scores = [score(f"{NASTY}{task}", f"{NASTY}m", 0.5) for task in "abc"]
    failures = [{"model": NASTY, "task": NASTY, "reason": NASTY}]
    pairs = [pair("otdd", f"{NASTY}{a}", f"{NASTY}{b}", 0.5) for a, b in ("ab", "bc", "ac")]
    return [
        evaluation(base / "scores", scores, failures=failures),
        transfer(base / "matrix", pairs, model=NASTY),
        store(base / "store", islands(20), ids),
        run(base / "run"),
    ]


@pytest.fixture(scope="module")
def page(folders: list[Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    colours = tmp_path_factory.mktemp("colours") / "c.tsv"
    colours.write_text(f"protein_id\t{NASTY}\n{NASTY}1\t{NASTY}\n{NASTY}2\tother\n")
    made, titles = build_report(
        folders, QUICK.model_copy(update={"colours": colours, "title": f"{NASTY} page"})
    )
    assert titles == ("Scores", "Task by task", "Transferability", "Map of store", "Training")
    return made


def test_markup_in_data_is_text(page: str) -> None:
    assert NASTY not in page
    outline = Outline(page)
    # The data, plotly.js and the page's own script.
    assert len(outline.named("script")) == 3
    shown_text = "".join(outline.texts)
    assert f"{NASTY} page" in shown_text
    assert f"{NASTY}a" in shown_text


def test_the_page_is_well_formed_and_needs_no_other_file(page: str) -> None:
    outline = Outline(page)
    assert outline.open == []
    assert not any("src" in attributes for _, attributes in outline.tags)
    links = [attributes["href"] or "" for attributes in outline.named("a")]
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert links
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert all(link.startswith("#") for link in links)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    policy = next(a["content"] for a in outline.named("meta") if "http-equiv" in a)
    assert "default-src 'none'" in str(policy)
    assert "http" not in str(policy)


def test_headings_tables_and_pictures_are_named(page: str) -> None:
    outline = Outline(page)
    assert [tag for tag, _ in outline.tags].count("h1") == 1
    assert len(outline.named("caption")) == len(outline.named("table")) > 5
    assert all(attributes.get("scope") in ("col", "row") for attributes in outline.named("th"))
    pictures = [a for _, a in outline.tags if a.get("role") == "img"]
    assert len(pictures) > 5
    assert all(a["aria-label"] for a in pictures)
    ids = {a.get("id") for _, a in outline.tags}
    assert all(a["aria-labelledby"] in ids for a in outline.named("section"))
    assert {"lang": "en"} in outline.named("html")
    assert any("width=device-width" in str(a.get("content")) for a in outline.named("meta"))


def test_every_figure_has_its_place(page: str) -> None:
    outline = Outline(page)
    text = re.search(r'id="report-data">(.*?)</script>', page, re.DOTALL)
    assert text is not None
    data = json.loads(text[1])
    ids = {attributes.get("id") for _, attributes in outline.tags}
    assert len(data["figures"]) > 5
    assert {figure["id"] for figure in data["figures"]} <= ids
    (space,) = data["spaces"]
    assert {space["id"], f"{space['id']}-plot"} <= ids
    assert space["ids"][3] == f"{NASTY}3"
    assert len(space["places"][0]["x"]) == 20


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_in_a_script_means_the_same_and_never_ends_it(value: object) -> None:
    text = script_json(value)
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


@given(st.text())
def test_text_in_plots_holds_no_tag(text: str) -> None:
    assert not set("<>") & set(shown(text))


def test_only_sections_of_what_is_given(tmp_path: Path) -> None:
    _, titles = build_report([run(tmp_path / "run")])
    assert titles == ("Training",)
    _, titles = build_report(
        [evaluation(tmp_path / name, [score("t", "m", 0.5)]) for name in ("one", "two")]
    )
    assert titles == ("Scores, one", "Task by task, one", "Scores, two", "Task by task, two")


def test_an_evaluation_in_which_all_failed_still_says_why(tmp_path: Path) -> None:
    failures = [{"model": "m", "task": "t", "reason": "one class only"}]
    folder = evaluation(tmp_path / "e", [], failures=failures)
    page, _ = build_report([folder])
    assert "one class only" in "".join(Outline(page).texts)


def test_a_sampled_map_says_so(tmp_path: Path) -> None:
    options = QUICK.model_copy(update={"max_points": 12})
    page, _ = build_report([store(tmp_path / "s", islands(30))], options)
    assert "They were drawn from 30" in page


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"colours": Path("c.tsv")}, "--colours c.tsv is about maps"),
        ({"annotations": Path("a"), "ontology": Path("o")}, "--annotations a is about maps"),
        ({"speed": Path("s.json")}, "--speed s.json is about scores"),
    ],
)
def test_options_about_what_is_not_given(
    tmp_path: Path, option: dict[str, Path], told: str
) -> None:
    with pytest.raises(ReportError, match=told):
        build_report([run(tmp_path / "run")], ReportOptions.model_validate(option))


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    folder, out = run(tmp_path / "run"), tmp_path / "report.html"
    out.write_text("mine")
    with pytest.raises(OutputExistsError):
        write_report([folder], out)
    assert out.read_text() == "mine"
    made = write_report([folder], out, overwrite=True)
    assert made.size == out.stat().st_size > 1_000_000
    with pytest.raises(ReportError, match="is a folder"):
        write_report([folder], tmp_path, overwrite=True)


def test_a_page_that_fails_leaves_nothing(tmp_path: Path) -> None:
    folder = store(tmp_path / "s", np.ones((12, 3)))
    (tmp_path / "out").mkdir()
    with pytest.raises(ReportError):
        write_report([folder], tmp_path / "out" / "report.html", QUICK)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_missing_library_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "plotly.offline", None)
    with pytest.raises(ReportError, match=r"pip install 'multiprot\[report\]'"):
        build_report([run(tmp_path / "run")])


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = run(tmp_path / "run"), tmp_path / "r.html"
    assert main(["report", str(folder), "--out", str(out)]) == 0
    assert re.fullmatch(rf"{re.escape(str(out))}: Training; \d\.\d MB\n", capsys.readouterr().out)
    assert main(["report", str(folder), "--out", str(out)]) == 2
    assert "already exists" in capsys.readouterr().err
    arguments = ["report", str(folder), "--out", str(out), "--overwrite", "--json"]
    assert main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"out": str(out), "sections": ["Training"], "bytes": out.stat().st_size}
    assert main(["report", str(folder), "--out", str(out), "--cluster-count", "1"]) == 2
    assert "--cluster-count" in capsys.readouterr().err
