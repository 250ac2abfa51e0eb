"""YAML as version 1.2 means it, with lines, written so that it reads back the same."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from multiprot.config.node import plain, walk, wrap
from multiprot.config.yaml_text import parse_yaml, write_yaml
from multiprot.errors import ConfigError


def _value(text: str) -> object:
    return plain(parse_yaml(f"key: {text}", "f.yaml"))["key"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-4", 1e-4),
        ("1E+3", 1000.0),
        ("-.5", -0.5),
        ("3.", 3.0),
        ("12", 12),
        ("-7", -7),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("true", True),
        ("False", False),
        ("on", "on"),
        ("no", "no"),
        ("y", "y"),
        ("~", None),
        ("null", None),
        ("", None),
        ("1:30", "1:30"),
        ("2026-11-21", "2026-11-21"),
        ("1_000", "1_000"),
        ("'1e-4'", "1e-4"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("<<", "<<"),
        ("[1, 2.5, a]", [1, 2.5, "a"]),
        ("{a: {b: []}}", {"a": {"b": []}}),
    ],
)
def test_scalars(text: str, expected: object) -> None:
    value = _value(text)
    assert value == expected
    assert type(value) is type(expected)


def test_not_a_number() -> None:
    assert math.isnan(_value(".nan"))  # type: ignore[arg-type]


def test_keys_are_text_whatever_they_look_like() -> None:
    assert plain(parse_yaml("1: a\ntrue: b\nnull: c\n", "f")) == {
        "1": "a",
        "true": "b",
        "null": "c",
    }


def test_every_value_knows_its_line() -> None:
    text = "a: 1\nb:\n  c: 2\n  d:\n    - 3\n    - e: 4\n"
    origins = {dotted: node.origin for dotted, node in walk(parse_yaml(text, "r.yaml"))}
    assert origins["a"] == "r.yaml:1"
    assert origins["b.c"] == "r.yaml:3"
    assert origins["b.d.0"] == "r.yaml:5"
    assert origins["b.d.1.e"] == "r.yaml:6"


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "'a' is given twice"),
        ("a: {b: 1, b: 2}\n", 1, "'b' is given twice"),
        ("a: &x 1\nb: *x\n", 2, "extends"),
        ("a: &x [*x]\n", 1, "extends"),
        ("a: !!python/object/apply:os.system [x]\n", 1, "is not supported"),
        ("a: !secret 1\n", 1, "!secret"),
        ("a: [1, 2\n", 2, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("[a]: 1\n? [b]\n: 2\n", 1, "a key must be a word"),
        ("a: " + "9" * 5000, 1, "not supported"),
    ],
)
def test_what_leaves_doubt_is_refused_with_its_line(text: str, line: int, word: str) -> None:
    with pytest.raises(ConfigError, match=word) as caught:
        parse_yaml(text, "r.yaml")
    assert str(caught.value).startswith(f"r.yaml:{line}:")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["a: \x01", "a: \ud800"])
def test_unprintable_text_is_one_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^f: not valid YAML: [^\n]+$"):
        parse_yaml(text, "f")


def test_endless_nesting_is_refused() -> None:
    with pytest.raises(ConfigError, match="nested too deeply"):
        parse_yaml("[" * 20_000, "f")


_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
_TRICKY = st.sampled_from(
    [
        "on",
        "no",
        "1e-4",
        "0x1",
        "~",
        "null",
        "",
        " a",
        "a: b",
        "# c",
        "1:30",
        "-",
        "<<",
        "=",
        ".5",
        "\n",
    ]
)
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXT | _TRICKY
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT | _TRICKY, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(_TEXT | _TRICKY, _TREES, max_size=4), st.booleans())
def test_written_text_reads_back_the_same(tree: dict[str, object], origins: bool) -> None:
    text = write_yaml(wrap(tree, "some # where\nelse"), origins=origins)
    assert repr(plain(parse_yaml(text, "f"))) == repr(tree)


@given(st.dictionaries(st.text("abc", min_size=1), _TREES, max_size=4))
def test_readers_of_yaml_1_1_agree(tree: dict[str, object]) -> None:
    assert yaml.safe_load(write_yaml(wrap(tree, ""))) == tree


def test_origins_stand_beside_the_values() -> None:
    text = write_yaml(wrap({"a": {"b": [1, {"c": "x y"}]}}, "r.yaml:3"), origins=True)
    assert text == ('a:\n  b:\n    - 1  # r.yaml:3\n    - c: "x y"  # r.yaml:3\n')


def test_nothing_is_written_as_an_empty_mapping() -> None:
    assert write_yaml(wrap({}, "")) == "{}\n"
    assert plain(parse_yaml("# only a comment\n", "f")) is None
