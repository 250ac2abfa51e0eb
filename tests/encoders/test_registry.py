"""Plugins found through entry points: good ones, and every way a guest can be broken."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints, PathDistribution
from pathlib import Path

import pytest

from multiprot.encoders import Modality, Registry
from multiprot.encoders.plugin import API_VERSION
from multiprot.encoders.registry import ENCODER_GROUPS, GROUPS, OBJECTIVE_GROUP
from multiprot.errors import PluginError

SEQUENCE = ENCODER_GROUPS[Modality.SEQUENCE]

_MODULE = """
from multiprot.config import Section
from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality, ObjectivePlugin

class Config(Section):
    width: int = 3

def plugin(name="good", modality=Modality.SEQUENCE, summary="Does something", **more):
    return EncoderPlugin(name=name, modality=modality, summary=summary, config=Config,
                         capabilities=lambda c: None, build=lambda c: None, **more)

good = plugin()
other = plugin("other")
misnamed = plugin("another-name")
structural = plugin("structural", Modality.STRUCTURE)
silent = plugin("silent", summary=" ")
lines = plugin("lines", summary="two\\n lines")
old = plugin("old", api_version=0)
new = plugin("new", api_version=99)
loss = ObjectivePlugin(name="loss", summary="A loss", config=Config, build=lambda c, x: None)
number = 12
"""


class Shelf:
    """Distributions made up on disk, as pip would leave them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.points: list[EntryPoint] = []

    def add(self, name: str, points: dict[str, str], version: str = "1.0", group: str = SEQUENCE):
        info = self.folder / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = "\n".join(f"{key} = {value}" for key, value in points.items())
        (info / "entry_points.txt").write_text(f"[{group}]\n{lines}\n")
        found: EntryPoints = PathDistribution(info).entry_points
        self.points += list(found)

    @property
    def registry(self) -> Registry:
        return Registry(self.points)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("guest_module", "guest_broken", "guest_leaving"):
        sys.modules.pop(name, None)
    (tmp_path / "guest_module.py").write_text(_MODULE)
    (tmp_path / "guest_broken.py").write_text("raise ValueError('first line\\nsecond line')\n")
    (tmp_path / "guest_leaving.py").write_text("import sys; sys.exit(3)\n")
    return Shelf(tmp_path)


def _refusal(registry: Registry, name: str) -> str:
    with pytest.raises(PluginError) as caught:
        registry.encoder(Modality.SEQUENCE, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_good_plugins_are_found(shelf: Shelf) -> None:
    shelf.add("guest", {"good": "guest_module:good", "other": "guest_module:other"}, "2.1")
    rows = shelf.registry.rows()
    assert [(r.name, r.distribution, r.version, r.summary, r.error) for r in rows] == [
        ("good", "guest", "2.1", "Does something", None),
        ("other", "guest", "2.1", "Does something", None),
    ]
    assert shelf.registry.encoder(Modality.SEQUENCE, "good").config.__name__ == "Config"
    assert shelf.registry.names(SEQUENCE) == ("good", "other")


def test_objectives_have_their_own_group(shelf: Shelf) -> None:
    shelf.add("guest", {"loss": "guest_module:loss"}, group=OBJECTIVE_GROUP)
    assert shelf.registry.objective("loss").summary == "A loss"
    with pytest.raises(PluginError, match="'loss' is the name of another kind: objective"):
        shelf.registry.encoder(Modality.GO, "loss")


def test_summary_is_one_line(shelf: Shelf) -> None:
    shelf.add("guest", {"lines": "guest_module:lines"})
    assert shelf.registry.rows()[0].summary == "two lines"


@pytest.mark.parametrize(
    ("name", "target", "words"),
    [
        ("x", "guest_broken:x", ["ValueError", "first line second line", "guest_broken:x"]),
        ("x", "guest_leaving:x", ["SystemExit", "3"]),
        ("x", "guest_absent:x", ["ModuleNotFoundError", "guest_absent"]),
        ("x", "guest_module:absent", ["AttributeError", "absent"]),
        ("x", "guest_module:number", ["int", "EncoderPlugin"]),
        ("loss", "guest_module:loss", ["ObjectivePlugin", "EncoderPlugin"]),
        ("x", "guest_module:misnamed", ["'another-name'", "same name"]),
        ("structural", "guest_module:structural", ["'structure'", "structure_encoders"]),
        ("silent", "guest_module:silent", ["no summary"]),
        ("old", "guest_module:old", ["API 0", f"API {API_VERSION}"]),
        ("new", "guest_module:new", ["API 99", f"API {API_VERSION}"]),
    ],
)
def test_a_broken_plugin_is_a_row_and_raises_only_when_asked_for(
    shelf: Shelf, name: str, target: str, words: list[str]
) -> None:
    shelf.add("guest", {"good": "guest_module:good"})
    shelf.add("culprit", {name: target}, "0.3")
    bad = next(row for row in shelf.registry.rows() if row.distribution == "culprit")
    assert bad.summary is None
    assert all(word in str(bad.error) for word in words)
    assert shelf.registry.encoder(Modality.SEQUENCE, "good").name == "good"
    refusal = _refusal(shelf.registry, name)
    assert all(word in refusal for word in [*words, "culprit 0.3", repr(name)])


def test_a_clash_names_both_owners_when_asked_for(shelf: Shelf) -> None:
    shelf.add("one", {"good": "guest_module:good", "other": "guest_module:other"}, "1.0")
    shelf.add("two", {"good": "guest_module:good"}, "2.0")
    assert shelf.registry.encoder(Modality.SEQUENCE, "other").name == "other"
    assert "one 1.0 and two 2.0" in _refusal(shelf.registry, "good")
    rows = [row for row in shelf.registry.rows() if row.name == "good"]
    assert len(rows) == 2
    assert all("one 1.0 and two 2.0" in str(row.error) for row in rows)


def test_the_same_name_in_two_groups_is_no_clash(shelf: Shelf) -> None:
    shelf.add("one", {"good": "guest_module:good"})
    shelf.add("two", {"good": "guest_module:loss"}, group=OBJECTIVE_GROUP)
    assert shelf.registry.encoder(Modality.SEQUENCE, "good").name == "good"


def test_unknown_name_lists_what_is_known(shelf: Shelf) -> None:
    shelf.add("guest", {"good": "guest_module:good", "other": "guest_module:other"})
    refusal = _refusal(shelf.registry, "god")
    assert refusal.startswith("unknown sequence encoder 'god'; did you mean 'good'?")
    assert "good, other" in refusal
    assert "pip install" in refusal


def test_nothing_installed() -> None:
    assert Registry(()).rows() == ()
    assert "installed: none" in _refusal(Registry(()), "x")


def test_entry_points_of_others_are_left_alone(shelf: Shelf) -> None:
    shelf.add("guest", {"x": "guest_broken:x"}, group="console_scripts")
    assert shelf.registry.rows() == ()


def test_an_entry_point_without_distribution_has_an_unknown_owner(shelf: Shelf) -> None:
    row = Registry([EntryPoint("x", "guest_broken:x", SEQUENCE)]).rows()[0]
    assert (row.distribution, row.version) == ("unknown distribution", "?")


def test_a_module_is_loaded_once(shelf: Shelf) -> None:
    shelf.add("guest", {"good": "guest_module:good"})
    registry = shelf.registry
    first = registry.encoder(Modality.SEQUENCE, "good")
    assert registry.encoder(Modality.SEQUENCE, "good") is first


def test_installed_core_plugins_are_sound() -> None:
    rows = [row for row in Registry.discover().rows() if row.distribution == "multiprot"]
    assert {row.group for row in rows} == set(GROUPS)
    assert [row for row in rows if row.error] == []


def test_listing_imports_no_torch() -> None:
    program = (
        "import sys, json; from multiprot.encoders import Registry;"
        "rows = Registry.discover().rows();"
        "print(json.dumps([m for m in ('torch', 'lightning', 'transformers') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert json.loads(done.stdout) == []
