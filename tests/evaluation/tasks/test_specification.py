"""task.json: what it must say, what it may say, and what is told where it says something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import EvaluationError, MultiprotError
from multiprot.evaluation.tasks import Target, TaskSpecification, Unit, load_task
from multiprot.evaluation.tasks.specification import read_specification
from tests.evaluation.tasks.folders import proteins, write_task

GOOD = {"name": "t", "task_type": "regression", "primary_metric": "spearman"}


def said(folder: Path, text: str | bytes) -> TaskSpecification:
    folder.mkdir(exist_ok=True)
    (folder / "task.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_specification(folder)


def with_(folder: Path, **change: Any) -> TaskSpecification:
    return said(folder, json.dumps(GOOD | change))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("{'name': 1}", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        ("[]", r"the settings = \[\]: must be a valid dictionary"),
        ("null", "the settings = None"),
        ("3", "the settings = 3"),
        ('"t"', "the settings = 't'"),
        ("{}", "name: is required but not given"),
    ],
)
def test_what_is_no_specification(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(EvaluationError, match=told) as caught:
        said(tmp_path / "t", text)
    assert "task.json" in str(caught.value)


@pytest.mark.parametrize("key", sorted(GOOD))
def test_a_key_that_is_missing_is_named(tmp_path: Path, key: str) -> None:
    rest = {name: value for name, value in GOOD.items() if name != key}
    with pytest.raises(EvaluationError, match=f"{key}: is required but not given"):
        said(tmp_path / "t", json.dumps(rest))


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("name", 5, "must be a valid string"),
        ("name", "", "can be shown in a table"),
        ("name", "  ", "can be shown in a table"),
        ("name", "two\nlines", "can be shown in a table"),
        ("name", "bell\a", "can be shown in a table"),
        ("task_type", "classification", "'regression'"),
        ("task_type", None, "'regression'"),
        ("primary_metric", ["spearman"], "must be a valid string"),
        ("class_names", "ab", "must be a valid tuple"),
        ("class_names", {"a": 1}, "must be a valid tuple"),
        ("class_names", ["a", "b", "a"], "must hold each name once"),
        ("class_names", [1, 2], "must be a valid string"),
        ("ignore_label", 7, "must be a valid string"),
        ("label_separator", [";"], "must be a valid string"),
        ("least_examples", -1, "greater than or equal to 0"),
        ("least_examples", "many", "valid integer"),
        ("ontology", 1, "must be a valid string"),
    ],
)
def test_a_value_of_another_kind_is_told(tmp_path: Path, key: str, value: Any, told: str) -> None:
    with pytest.raises(EvaluationError, match=told) as caught:
        with_(tmp_path / "t", **{key: value})
    assert key in str(caught.value)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError) as caught:
        with_(tmp_path / "t", name=1, task_type="x", class_names="y")
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("names", [["only"], ["no", "yes", "perhaps"]])
def test_a_binary_task_has_two_classes(tmp_path: Path, names: list[str]) -> None:
    change = {"task_type": "residue_binary", "class_names": names}
    with pytest.raises(EvaluationError, match=rf"class_names has {len(names)} names"):
        with_(tmp_path / "t", **change)
    assert with_(tmp_path / "t", **change | {"class_names": ["out", "in"]}).class_names == (
        "out",
        "in",
    )


@pytest.mark.parametrize("name", ["unit", "target", "separator", "path", "labels", "model_extra"])
def test_a_further_key_does_not_stand_for_one_of_ours(tmp_path: Path, name: str) -> None:
    """A file may well say `"unit": "kcal/mol"`."""
    found = with_(tmp_path / "t", **{name: "kcal/mol"})
    assert (found.unit, found.target, found.separator) == (Unit.PROTEIN, Target.REGRESSION, ";")
    assert (found.model_extra or {})[name] == "kcal/mol"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-9, 9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1), json_values, max_size=4))
def test_further_keys_are_kept_as_they_are(more: dict[str, Any]) -> None:
    known = TaskSpecification.model_fields
    rest = {key: value for key, value in more.items() if key not in known}
    found = TaskSpecification.model_validate(GOOD | rest)
    assert found.model_extra == rest
    assert TaskSpecification.model_validate_json(found.model_dump_json()) == found


@given(json_values)
def test_any_json_is_a_specification_or_a_clear_error(tree: Any) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        try:
            said(Path(name) / "t", json.dumps(tree))
            told = ""
        except MultiprotError as error:
            told = str(error)
    complete = isinstance(tree, dict) and tree.keys() >= {"name", "task_type", "primary_metric"}
    assert "task.json" in told or complete


@pytest.mark.parametrize(
    ("kind", "given_separator", "expected"),
    [
        ("multilabel", None, ";"),
        ("pair_multilabel", None, ";"),
        ("residue_multilabel", None, ""),
        ("residue_regression", " ", " "),
        ("multilabel", "|", "|"),
        ("residue_binary", "", ""),
    ],
)
def test_the_separator(
    tmp_path: Path, kind: str, given_separator: str | None, expected: str
) -> None:
    assert with_(tmp_path / "t", task_type=kind, label_separator=given_separator).separator == (
        expected
    )


@pytest.mark.parametrize("split", ["test_hard", "test_2", "test_a.b-c", "test_X"])
def test_further_test_splits_by_name(tmp_path: Path, split: str) -> None:
    rows = [*proteins(8), proteins(9)[8] | {"split": split}]
    assert split in load_task(write_task(tmp_path / "t", rows)).test_splits


@pytest.mark.parametrize(
    "split",
    ["test_", "test_a/b", "test_../x", "test hard", "Test", "testing", "test_é", "validation", "0"],
)
def test_what_is_no_split_is_told(tmp_path: Path, split: str) -> None:
    """A split's name becomes part of a file's name."""
    rows = [*proteins(8), proteins(9)[8] | {"split": split}]
    with pytest.raises(EvaluationError, match=r"entry p8: .* is not train, valid, test, test_…"):
        load_task(write_task(tmp_path / "t", rows))


@pytest.mark.parametrize("split", ["drop", "", " ", " drop "])
def test_an_entry_may_be_in_no_split(tmp_path: Path, split: str) -> None:
    rows = [*proteins(8), proteins(9)[8] | {"split": split, "target": "unread"}]
    assert len(load_task(write_task(tmp_path / "t", rows))) == 8
