"""Which key a misspelt one was meant to be."""

from __future__ import annotations

import pytest

from multiprot.config import Section
from multiprot.config.keys import dotted_keys, known_keys, nearest, nearest_key, unknown_name


class Leaf(Section):
    peak_lr: float = 0.1
    warmup_steps: int = 3


class Other(Section):
    rate: float = 0.1


class Tree(Section):
    optimizer: Leaf = Leaf()
    either: Leaf | Other | None = None
    several: tuple[Leaf, ...] = ()
    named: dict[str, Other] = {}  # noqa: RUF012
    width: int = 3


def test_known_keys_descend_through_unions_and_lists() -> None:
    assert known_keys(Tree, ["optimizer"]) == ("peak_lr", "warmup_steps")
    assert known_keys(Tree, ["either"]) == ("peak_lr", "warmup_steps", "rate")
    assert known_keys(Tree, ["several", 0]) == ("peak_lr", "warmup_steps")
    assert known_keys(Tree, ["width"]) == ()


def test_dotted_keys_are_complete() -> None:
    assert set(dotted_keys(Tree)) >= {"optimizer.peak_lr", "several.0.warmup_steps", "width"}


@pytest.mark.parametrize(
    ("path", "wrong", "right"),
    [
        (["optimizer"], "peaklr", "peak_lr"),
        (["optimizer"], "lr", "peak_lr"),
        (["optimizer"], "Peak_LR", "peak_lr"),
        ([], "widht", "width"),
        ([], "optimiser", "optimizer"),
        ([], "peak_lr", "optimizer.peak_lr"),
        (["optimizer"], "zebra", None),
    ],
)
def test_nearest_key(path: list[str], wrong: str, right: str | None) -> None:
    assert nearest_key(Tree, path, wrong) == right


def test_nearest_of_nothing() -> None:
    assert nearest("a", ()) is None


def test_a_section_may_hold_itself() -> None:
    assert len(list(dotted_keys(Node))) < 200


class Node(Section):
    child: Node | None = None
    value: int = 0


@pytest.mark.parametrize(
    ("wrong", "hint"), [("ridg", "; did you mean 'ridge'?"), ("xyz", ""), ("", "")]
)
def test_an_unknown_name_is_answered_with_all_names(wrong: str, hint: str) -> None:
    told = unknown_name("probe", wrong, ("ridge", "knn"))
    assert told == f"no probe {wrong!r}{hint}; there are ridge, knn"
