"""Labels come back as they were written, and what is no label is blamed on its entry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import EvaluationError
from multiprot.evaluation.tasks import Labels, TaskSpecification, TaskType
from multiprot.evaluation.tasks.labels import parse_labels

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6).filter(
    lambda text: text.strip() == text
)


def parsed(kind: str, values: list[Any], **more: Any) -> Labels:
    tree = {"name": "t", "task_type": kind, "primary_metric": "accuracy"} | more
    ids = [f"p{number}" for number in range(len(values))]
    return parse_labels(TaskSpecification.model_validate(tree), values, ids)


@given(st.lists(finite, min_size=1, max_size=8))
def test_numbers_come_back(numbers: list[float]) -> None:
    for values in (numbers, [repr(number) for number in numbers]):
        found = parsed("regression", values)
        assert found.values.tolist() == numbers
        assert found.names == ()
        assert found.scored.all()


@given(st.lists(st.lists(finite | st.none(), min_size=1, max_size=6), min_size=1, max_size=5))
def test_numbers_of_residues_come_back(rows: list[list[float | None]]) -> None:
    """None: a residue that is not scored."""
    texts = ["\t".join("?" if n is None else repr(n) for n in row) for row in rows]
    found = parsed("residue_regression", texts, ignore_label="?", label_separator="\t")
    flat = [number for row in rows for number in row]
    assert found.scored.tolist() == [number is not None for number in flat]
    assert found.values[found.scored].tolist() == [n for n in flat if n is not None]
    assert np.isnan(found.values[~found.scored]).all()
    for entry, row in enumerate(rows):
        scored = found.rows(np.array([entry]))
        assert found.values[scored].tolist() == [n for n in row if n is not None]


@given(st.lists(names, min_size=1, max_size=8))
def test_classes_come_back(texts: list[str]) -> None:
    """Whatever they are called: digits that are no numbers, letters of any script."""
    found = parsed("multiclass", texts)
    assert [found.names[code] for code in found.values] == texts
    assert len(set(found.names)) == len(found.names)


@given(st.lists(names, min_size=1, max_size=8), st.randoms())
def test_the_order_of_classes_is_that_of_their_names(texts: list[str], random: Any) -> None:
    shuffled = list(texts)
    random.shuffle(shuffled)
    assert parsed("multiclass", texts).names == parsed("multiclass", shuffled).names


def test_whole_numbers_are_sorted_by_value_and_all_else_behind() -> None:
    texts = ["10", "9", "b", "²", "a", "1.5", "-3", "007", "9" * 30]
    assert parsed("multiclass", texts).names[:3] == ("007", "9", "10")


@given(st.lists(st.sets(names.filter(lambda t: ";" not in t)), min_size=1, max_size=6))
def test_sets_of_labels_come_back_as_text_and_as_lists(sets: list[set[str]]) -> None:
    of_text = parsed("multilabel", [";".join(sorted(s)) for s in sets])
    of_lists = parsed("multilabel", [sorted(s) for s in sets])
    assert of_text.names == of_lists.names
    np.testing.assert_array_equal(of_text.values, of_lists.values)
    for row, expected in zip(of_text.values, sets, strict=True):
        assert {of_text.names[k] for k in np.flatnonzero(row)} == expected


@given(st.lists(st.lists(st.integers(0, 2**20), min_size=1, max_size=5), min_size=1, max_size=4))
def test_bits_come_back(rows: list[list[int]]) -> None:
    found = parsed("residue_multilabel", [list(map(str, row)) for row in rows])
    numbers = found.values @ (1 << np.arange(len(found.names)))
    assert numbers.tolist() == [number for row in rows for number in row]
    assert len(found.names) == max(1, max(n for row in rows for n in row).bit_length())


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["0", "1"], [0, 1]),
        (["False", "TRUE"], [0, 1]),
        ([True, False], [1, 0]),
        ([1, 0], [1, 0]),
        (["0", "0"], [0, 0]),
    ],
)
def test_yes_and_no(texts: list[Any], found: list[int]) -> None:
    labels = parsed("binary", texts)
    assert labels.values.tolist() == found
    assert labels.names == ("0", "1")


def test_names_of_yes_and_no() -> None:
    labels = parsed("residue_binary", ["0110"], class_names=["out", "in"])
    assert [labels.names[k] for k in labels.values] == ["out", "in", "in", "out"]


@pytest.mark.parametrize("text", ["2", "yes", "", " ", "1.0", "-1", "01", "²", "nan"])
def test_what_is_neither_yes_nor_no(text: str) -> None:
    with pytest.raises(EvaluationError, match=r"entry p1: label .* is not 0, 1, false or true"):
        parsed("binary", ["0", text])


@pytest.mark.parametrize("text", ["", "warm", "1,5", "1 2", "nan", "inf", "-inf", "1e999", "None"])
@pytest.mark.parametrize("kind", ["regression", "pair_regression", "protein_ligand_regression"])
def test_what_is_no_number(kind: str, text: str) -> None:
    with pytest.raises(EvaluationError, match=r"entry p2: label .* is not a (finite )?number"):
        parsed(kind, ["1", "-2e-3", text, "4"])


@pytest.mark.parametrize("value", ["", " ", None, float("nan")])
@pytest.mark.parametrize("kind", ["multiclass", "pair_multiclass"])
def test_a_missing_label_is_no_class_of_its_own(kind: str, value: Any) -> None:
    with pytest.raises(EvaluationError, match="entry p1: a label is empty; fill it or drop"):
        parsed(kind, ["a", value, "b"])


@pytest.mark.parametrize("kind", ["residue_multiclass", "multilabel"])
def test_a_missing_label_in_a_list_is_no_class_of_its_own(kind: str) -> None:
    with pytest.raises(EvaluationError, match="entry p1: a label is empty"):
        parsed(kind, [["a"], ["b", None]])


def test_a_missing_label_in_a_list_may_be_the_one_to_ignore() -> None:
    found = parsed("residue_multiclass", [["a", None, "b"]], ignore_label="")
    assert found.names == ("a", "b")
    assert found.scored.tolist() == [True, False, True]


def test_an_empty_class_may_be_named() -> None:
    assert parsed("multiclass", ["", "a"], class_names=["", "a"]).values.tolist() == [0, 1]


def test_a_blank_may_be_the_label_of_a_residue() -> None:
    """The classes of DSSP have one that is written so."""
    found = parsed("residue_multiclass", ["H H", "  E"])
    assert [found.names[k] for k in found.values] == list("H H") + list("  E")


@pytest.mark.parametrize("text", ["1²", "1x", "-1", "1.5", "9" * 19, "9" * 400])
def test_what_has_no_bits(text: str) -> None:
    with pytest.raises(EvaluationError, match=r"p0, residue 2: label .* is not a whole number"):
        parsed("residue_multilabel", [["0", text]])


@given(st.integers(1, 80), st.integers(0, 2**18))
def test_more_names_than_bits_leave_labels_that_never_hold(width: int, number: int) -> None:
    classes = [f"n{k}" for k in range(width)]
    if number >= 2**width:
        with pytest.raises(EvaluationError, match=r"not made of the .* bits that class_names"):
            parsed("residue_multilabel", [[str(number)]], class_names=classes)
        return
    found = parsed("residue_multilabel", [[str(number)]], class_names=classes)
    assert found.values.shape == (1, width)
    assert sum(1 << int(k) for k in np.flatnonzero(found.values[0])) == number


@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [
        ("multiclass", ["a", "c"], "entry p1: label 'c' is not one of class_names"),
        ("residue_multiclass", ["ab", "aXb"], "entry p1, residue 2: label 'X'"),
        ("multilabel", ["a", "b;c"], "label 'c' is not among class_names"),
    ],
)
def test_a_class_that_is_not_listed(kind: str, values: list[str], told: str) -> None:
    with pytest.raises(EvaluationError, match=told):
        parsed(kind, values, class_names=["a", "b"])


def test_listed_classes_keep_their_order() -> None:
    found = parsed("multiclass", ["b", "a"], class_names=["c", "b", "a"])
    assert found.names == ("c", "b", "a")
    assert found.values.tolist() == [1, 2]


@pytest.mark.parametrize("kind", [t for t in TaskType if t.value.startswith("residue_")])
def test_an_ignored_label_need_not_be_readable(kind: TaskType) -> None:
    label = "1 " if kind.target != "multiclass" else "a "
    found = parsed(kind, [label * 3 + "none"], ignore_label="none", label_separator=" ")
    assert found.scored.tolist() == [True, True, True, False]


@pytest.mark.parametrize("kind", [t for t in TaskType if not t.value.startswith("residue_")])
def test_an_ignored_label_is_for_residues_only(kind: TaskType) -> None:
    """Of a whole entry it would be a missing one; such a row is to be dropped."""
    label = {"regression": "1", "binary": "1"}.get(kind.target.value, "a")
    found = parsed(kind, [label, label], ignore_label=label)
    assert found.scored.all()


@given(
    st.lists(st.text("ab-", max_size=5), min_size=1, max_size=6),
    st.lists(st.integers(0, 5), max_size=8),
)
def test_rows_are_those_of_the_entries_in_their_order(texts: list[str], asked: list[int]) -> None:
    entries = np.array([k for k in asked if k < len(texts)], dtype=np.int64)
    found = parsed("residue_multiclass", texts, ignore_label="-", class_names=["a", "b"])
    rows = found.rows(entries)
    expected = "".join(texts[k] for k in entries).replace("-", "")
    assert "".join(found.names[found.values[row]] for row in rows) == expected
    owners = found.entries()[rows].tolist()
    assert owners == [k for k in entries for c in texts[k] if c != "-"]
