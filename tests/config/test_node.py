"""Trees with origins: laying one over another, setting single values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.config.node import Node, assigned, is_leaf, merged, plain, walk, with_origins, wrap
from multiprot.errors import ConfigError

_LEAVES = st.integers(0, 3) | st.none() | st.just("text")
_TREES = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        _LEAVES, lambda t: st.dictionaries(st.sampled_from("abc"), t, max_size=3), max_leaves=6
    ),
    max_size=3,
)


def _expected(lower: object, upper: object) -> object:
    if isinstance(lower, dict) and isinstance(upper, dict):
        return lower | {k: _expected(lower[k], v) if k in lower else v for k, v in upper.items()}
    return upper


@given(_TREES, _TREES)
def test_merging_is_key_by_key(lower: dict[str, object], upper: dict[str, object]) -> None:
    tree = merged(wrap(lower, "low"), wrap(upper, "up"))
    assert plain(tree) == _expected(lower, upper)
    given_above = {dotted for dotted, node in walk(wrap(upper, "")) if is_leaf(node)}
    for dotted, node in walk(tree):
        if is_leaf(node) and dotted in given_above and node.value not in ({}, []):
            assert node.origin == "up"


@given(_TREES)
def test_merging_nothing_changes_nothing(tree: dict[str, object]) -> None:
    assert merged(wrap(tree, "o"), wrap({}, "o")) == wrap(tree, "o")


def test_lists_are_replaced() -> None:
    assert plain(merged(wrap({"a": [1, 2]}, ""), wrap({"a": [3]}, ""))) == {"a": [3]}


def test_another_plugin_does_not_inherit_options() -> None:
    lower = wrap({"name": "one", "weight": 2, "options": {"width": 3}}, "")
    assert plain(merged(lower, wrap({"name": "two"}, ""))) == {"name": "two", "weight": 2}
    same = merged(lower, wrap({"name": "one", "options": {"depth": 4}}, ""))
    assert plain(same)["options"] == {"width": 3, "depth": 4}


@given(_TREES, st.lists(st.sampled_from("abc"), min_size=1, max_size=4))
def test_an_assigned_value_is_there_and_the_rest_stays(
    tree: dict[str, object], keys: list[str]
) -> None:
    before = wrap(tree, "file")
    after = assigned(before, keys, Node("new", "line"))
    found = dict(walk(after))
    assert found[".".join(keys)] == Node("new", "line")
    for dotted, node in walk(before):
        if is_leaf(node) and dotted.split(".")[0] != keys[0]:
            assert found[dotted] == node
    assert plain(before) == tree, "the original is untouched"


def test_list_entries_are_assigned_by_index() -> None:
    tree = wrap({"losses": [{"w": 1}, {"w": 2}]}, "")
    assert plain(assigned(tree, ["losses", "1", "w"], wrap(5, ""))) == {
        "losses": [{"w": 1}, {"w": 5}]
    }


@pytest.mark.parametrize("index", ["2", "-1", "first", "²"])
def test_an_index_beyond_the_list_is_refused(index: str) -> None:
    with pytest.raises(ConfigError, match=r"command line: losses\..*list of 2"):
        assigned(wrap({"losses": [1, 2]}, ""), ["losses", index], Node(0, "command line"))


def test_origins_are_laid_over_a_tree() -> None:
    tree = with_origins(wrap({"a": [1, 2]}, "default"), {"a.1": "r.yaml:4"})
    assert {dotted: node.origin for dotted, node in walk(tree)} == {
        "a": "default",
        "a.0": "default",
        "a.1": "r.yaml:4",
    }
