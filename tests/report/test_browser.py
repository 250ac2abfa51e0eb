"""The page as people meet it: in a browser, on a phone, on paper.

Pictures go to the folder that MULTIPROT_SCREENSHOTS names, or to pytest's own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from multiprot.data.synthetic_ontology import family_terms, mini_ontology
from multiprot.report import ReportOptions, space, write_report
from tests.report.browser import Page, chromium
from tests.report.makers import NASTY, cell, evaluation, islands, pair, run, score, store, transfer

pytestmark = pytest.mark.long

TASKS = ("localisation", "stability", "binding", "folds", "thermostability_of_enzymes")
MODELS = ("baseline:length", "baseline:kmer", "student-small", "teacher-with-a-long-name")
GROUPS = 6


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = os.environ.get("MULTIPROT_SCREENSHOTS")
    return Path(named) if named else tmp_path_factory.mktemp("screenshots")


def _evaluation(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    rows = [
        score(
            task,
            model,
            round(0.35 + 0.1 * place + 0.05 * float(rng.random()), 4),
            exposure="seen" if (model, task) == (MODELS[3], TASKS[0]) else "clean",
            metric="spearman" if task == "stability" else "accuracy",
        )
        for task in TASKS
        for place, model in enumerate(MODELS)
        if (task, model) != ("binding", "baseline:length")
    ]
    failed = {"model": "baseline:length", "task": "binding", "reason": f"all of one class {NASTY}"}
    evaluation(folder, rows, failures=[failed])
    for number, model in enumerate(MODELS):
        told = {"residues_embedded": 10**6, "seconds_embedding": 0.2 * 5**number}
        cell(folder, str(number), model=model, **told)
    return folder


def _options(folder: Path, ids: list[str]) -> ReportOptions:
    places = ("nucleus", "cytosol", "membrane", "mitochondrion", "extracellular", "golgi")
    rows = [f"{name}\t{places[row % GROUPS]}\t{row % 7}\n" for row, name in enumerate(ids) if row]
    (folder / "colours.tsv").write_text("protein_id\tlocalisation\tfamily\n" + "".join(rows))
    terms = [f"{n}\t{t}\n" for r, n in enumerate(ids) for t in family_terms(r % GROUPS).values()]
    (folder / "terms.tsv").write_text("protein_id\tgo_id\n" + "".join(terms))
    mini_ontology(GROUPS).write_obo(folder / "go.obo")
    return ReportOptions(
        title="What the vectors are worth",
        colours=folder / "colours.tsv",
        annotations=folder / "terms.tsv",
        ontology=folder / "go.obo",
        cluster_count=GROUPS,
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of everything; protein 7 is called by a script."""
    base = tmp_path_factory.mktemp("report")
    ids = [f"P{row:05d}" for row in range(400)]
    ids[7] = NASTY
    tasks = [*TASKS, "solubility"]
    pairs = [
        pair("wasserstein", a, b, abs(i - j) * 0.1, warnings=["unstable"] if i + j == 1 else [])
        for i, a in enumerate(tasks)
        for j, b in enumerate(tasks)
        if i < j
    ]
    folders = [
        _evaluation(base / "scores"),
        transfer(base / "matrix", [*pairs, *(pair("logme", t, t, 0.3) for t in tasks)]),
        store(base / "proteins", islands(400, groups=GROUPS), ids),
        run(base / "run"),
    ]
    write_report(folders, base / "report.html", _options(base, ids))
    return base / "report.html"


@pytest.mark.parametrize(
    ("name", "width", "height", "dark"),
    [
        ("desktop", 1280, 900, False),
        ("desktop-dark", 1280, 900, True),
        ("phone", 390, 844, False),
        ("phone-dark", 390, 844, True),
        ("small-phone", 320, 640, False),
    ],
)
def test_every_plot_is_drawn_without_complaint_network_or_overflow(
    browser: Page, report: Path, pictures: Path, name: str, width: int, height: int, dark: bool
) -> None:
    browser.complaints()
    browser.requests()
    browser.open(report, width=width, height=height, dark=dark)
    empty = browser.run(
        "return [...document.querySelectorAll('.plot')]"
        ".filter((p) => !p.querySelector('.main-svg')).map((p) => p.id)"
    )
    assert empty == []
    browser.screenshot(pictures / f"{name}.png")
    assert browser.complaints() == []
    assert browser.requests() == []
    assert browser.overflow() <= 0
    background = browser.run("return getComputedStyle(document.querySelector('section')).color")
    assert (min(int(v) for v in background[4:-1].split(",")) > 128) is dark
    wide = "return [...document.querySelectorAll('.plot')].filter((p) => p.querySelector("
    wide += "'.main-svg').getBoundingClientRect().right > innerWidth).map((p) => p.id)"
    assert browser.run(wide) == []


def test_a_plot_follows_its_window(browser: Page, report: Path) -> None:
    browser.open(report, width=1280, height=900)
    width = "document.querySelector('.wide .main-svg').getBoundingClientRect().width"
    before = browser.run(f"return {width}")
    metrics = {"width": 700, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.wait(f"return {width} < {before - 300}")
    assert browser.overflow() <= 0


def test_columns_are_sorted_by_their_names(browser: Page, report: Path) -> None:
    browser.open(report, width=1280, height=900)
    header = browser.find("#scores-0 th[data-sorts='number']")
    cells = "return [...document.querySelector('#scores-0 tbody').rows].map((r) => r.cells"
    column = header.get_property("cellIndex")

    def values() -> list[str]:
        texts = browser.run(f"{cells}[{column}].innerText)")
        return [text.split("\n")[0] for text in texts]

    before = values()
    assert "failed" in before
    numbers = sorted(float(value) for value in before if value != "failed")
    browser.click(header.find_element("css selector", "button"))
    assert [*map(float, values()[:-1])] == numbers[::-1]
    assert values()[-1] == "failed"
    assert header.get_attribute("aria-sort") == "descending"
    browser.click(header.find_element("css selector", "button"))
    assert [*map(float, values()[:-1])] == numbers
    assert values()[-1] == "failed"
    first = browser.find("#scores-0 th[data-sorts='text']")
    browser.click(first.find_element("css selector", "button"))
    names = browser.run(f"{cells}[0].innerText)")
    assert names == sorted(TASKS)
    assert header.get_attribute("aria-sort") == "none"


def _point(browser: Page, row: int) -> tuple[float, float]:
    """Place of a protein's point in the window, after scrolling to the map."""
    script = """
        const plot = document.getElementById('space-0-plot');
        plot.scrollIntoView({block: 'center', behavior: 'instant'});
        const box = plot.getBoundingClientRect(), layout = plot._fullLayout;
        for (const trace of plot.data) {
          const at = (trace.customdata || []).indexOf(arguments[0]);
          if (at >= 0) return [
            box.left + layout.xaxis._offset + layout.xaxis.d2p(trace.x[at]),
            box.top + layout.yaxis._offset + layout.yaxis.d2p(trace.y[at])];
        }"""
    x, y = browser.run(script, row)
    return x, y


def _mouse(browser: Page, kind: str, x: float, y: float) -> None:
    event = {"type": kind, "x": x, "y": y}
    if kind != "mouseMoved":
        event |= {"button": "left", "clickCount": 1}
    browser.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)


def _hovered(browser: Page, row: int) -> str:
    x, y = _point(browser, row)
    for step in (-6, -3, 0):
        _mouse(browser, "mouseMoved", x + step, y)
    texts = "return [...document.querySelectorAll('#space-0-plot .hovertext')]"
    texts += ".map((t) => t.textContent).join()"
    return str(browser.wait(texts, 20))


def test_hovering_shows_the_id_as_text(browser: Page, report: Path, pictures: Path) -> None:
    browser.open(report, width=1280, height=900)
    shown = _hovered(browser, 100)
    browser.portrait("#space-0", pictures / "hover.png")
    # Points may lie on one another: one of the same island answers.
    assert "P00" in shown
    assert "localisation: " in shown
    browser.find("#space-0-search").send_keys("alert")
    browser.find("#space-0-search").send_keys("\ue007")
    assert NASTY in browser.run("return document.getElementById('space-0-plot').textContent")
    assert browser.all("#space-0 script") == []
    assert browser.complaints() == []


def test_nothing_on_the_page_uploads_anything(browser: Page, report: Path) -> None:
    browser.open(report, width=1280, height=900)
    titles = "return [...document.querySelectorAll('.modebar-btn')].map((b) => b.dataset.title)"
    buttons = browser.run(titles)
    assert "Pan" in buttons
    assert not [title for title in buttons if "Share" in title or "Cloud" in title]
    blocked = (
        "try { await fetch('https://example.org/'); return 'sent' } catch { return 'blocked' }"
    )
    asynchronous = f"const done = arguments[0]; (async () => {{ {blocked} }})().then(done)"
    assert browser.driver.execute_async_script(asynchronous) == "blocked"
    assert any("Content Security Policy" in text for text in browser.complaints())


def test_the_search_box_finds_a_protein(browser: Page, report: Path, pictures: Path) -> None:
    browser.open(report, width=1280, height=900)
    box = browser.find("#space-0-search")
    box.send_keys("p0012")
    hits = [hit.text for hit in browser.all("#space-0 .hits button")]
    assert hits == [f"P0012{digit}" for digit in range(8)]
    assert browser.find("#space-0 .hits .more").text == "2 more"
    browser.click(browser.all("#space-0 .hits button")[5])
    status = browser.find("#space-0-status").text
    assert status.startswith("P00125; localisation: ")
    marked = "return document.querySelector('#space-0-plot .annotation-text').textContent"
    assert browser.wait(marked) == "P00125"
    browser.portrait("#space-0", pictures / "search.png")
    box.clear()
    box.send_keys("nobody", "\ue007")
    assert browser.find("#space-0-status").text == "nobody: no such protein among the points."
    assert browser.all("#space-0-plot .annotation-text") == []
    assert browser.complaints() == []


def test_a_click_on_a_point_chooses_its_cluster(
    browser: Page, report: Path, pictures: Path
) -> None:
    browser.open(report, width=1280, height=900)
    every = len(browser.all("#space-0 tr[data-term-of]"))
    _hovered(browser, 101)
    x, y = _point(browser, 101)
    # plotly looks at the mouse every 50 ms, and a hand rests longer before it clicks.
    time.sleep(0.5)
    _mouse(browser, "mousePressed", x, y)
    _mouse(browser, "mouseReleased", x, y)
    chosen = browser.wait("return document.querySelector('[data-role=cluster]').value")
    rows = browser.run(
        "return [...document.querySelectorAll('tr[data-term-of]')].filter(r => !r.hidden)"
        ".map(r => r.dataset.termOf)"
    )
    assert set(rows) == {chosen}
    assert 0 < len(rows) < every
    assert browser.find("[data-role=terms-of]").text == f"of cluster {int(chosen) + 1}"
    browser.portrait("#space-0", pictures / "cluster.png")
    browser.click(browser.find(f"[data-pick='{chosen}']"))
    assert browser.find("[data-role=cluster]").get_property("value") == ""
    assert browser.complaints() == []


def test_a_finger_chooses_too_and_scrolls_past(browser: Page, report: Path) -> None:
    touch = "Emulation.setTouchEmulationEnabled"
    browser.driver.execute_cdp_cmd(touch, {"enabled": True, "maxTouchPoints": 2})
    browser.open(report, width=390, height=844)
    x, y = _point(browser, 101)
    tap = {"x": x, "y": y, "duration": 80}
    browser.driver.execute_cdp_cmd("Input.synthesizeTapGesture", tap)
    assert browser.wait("return document.querySelector('[data-role=cluster]').value")
    assert browser.find("#space-0-status").text.startswith("P00")
    before = browser.run("return scrollY")
    swipe = {"x": 200, "y": 500, "yDistance": -300, "speed": 1500}
    browser.driver.execute_cdp_cmd("Input.synthesizeScrollGesture", swipe)
    browser.wait(f"return scrollY > {before + 100}")
    browser.driver.execute_cdp_cmd(touch, {"enabled": False})


def test_layout_colour_and_legend_can_be_changed(browser: Page, report: Path) -> None:
    browser.open(report, width=1280, height=900)
    title = "return document.querySelector('#space-0-plot .xtitle').textContent"
    assert browser.wait(title) == "UMAP 1"
    select = "const s = document.querySelector(arguments[0]); s.value = arguments[1];"
    select += "s.dispatchEvent(new Event('change'))"
    browser.run(select, "[data-role=layout]", "1")
    browser.wait(f"{title} === 't-SNE 1'")
    browser.run(select, "[data-role=column]", "1")
    entries = browser.all("#space-0 [data-role=legend] button")
    assert len(entries) == 8
    browser.click(entries[3])
    visible = "return document.getElementById('space-0-plot').data.filter(t => t.visible).length"
    assert browser.wait(f"{visible} === 7")
    pressed = [e.get_attribute("aria-pressed") for e in browser.all("[data-role=legend] button")]
    assert pressed.count("false") == 1
    assert browser.complaints() == []


def test_it_can_be_printed_light_also_from_a_dark_screen(
    browser: Page, report: Path, pictures: Path
) -> None:
    browser.open(report, width=1280, height=900, dark=True)
    pictures.mkdir(parents=True, exist_ok=True)
    browser.pdf(pictures / "printed.pdf")
    made = (pictures / "printed.pdf").read_bytes()
    assert made.startswith(b"%PDF")
    assert 4 <= made.count(b"/Type /Page\n") <= 20
    after = browser.run("return document.documentElement.classList.contains('for-print')")
    assert after is False
    sections = browser.all("section")
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert (
        browser.run("return getComputedStyle(document.body).backgroundColor")
        == "rgb(255, 255, 255)"
    )
    shown = browser.run("return getComputedStyle(document.querySelector('.controls')).display")
    assert shown == "none"
    assert {s.value_of_css_property("break-inside") for s in sections} == {"avoid-page"}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert browser.complaints() == []


@pytest.fixture
def large(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], Path]:
    """Makes a page of a large store, whose first two channels are its layout."""
    monkeypatch.setattr(space, "laid_out", lambda vectors, projection, seed: vectors[:, :2])

    def make(proteins: int) -> Path:
        base = tmp_path_factory.mktemp("large")
        folder = store(base / "large", islands(proteins, groups=30))
        options = ReportOptions(projections=("umap",))
        return write_report([folder], base / "report.html", options).out

    return make


def test_fifty_thousand_points(browser: Page, large: Callable[[int], Path], pictures: Path) -> None:
    path = large(51_000)
    assert path.stat().st_size < 12_000_000
    browser.complaints()
    browser.open(path, width=1280, height=900)
    points = "return document.getElementById('space-0-plot').data"
    points += ".map(t => [t.type, t.x.length]).filter(([, n]) => n > 1)"
    found = browser.run(points)
    assert {kind for kind, _ in found} == {"scattergl"}
    assert sum(number for _, number in found) == 50_000
    assert "P" in _hovered(browser, 25_000)
    browser.find("#space-0-search").send_keys("P00031", "\ue007")
    assert browser.find("#space-0-status").text.startswith("P00031")
    browser.portrait("#space-0", pictures / "fifty-thousand.png")
    # Software WebGL tells that it is slow; nothing else is said.
    assert [text for text in browser.complaints() if "GPU stall" not in text] == []
