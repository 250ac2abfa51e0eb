"""House style in figures: sizes, asserts, docstrings, annotations, messages, tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest

Functions = list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]

MOST_LINES = {"median": 150, "p95": 350, "any": 350}
MOST_FUNCTION_LINES = {"p95": 45, "any": 90}
MOST_PARAMETERS = 7

# A command's parameters are its options, each of them one line of help.
_COMMANDS = "multiprot/cli/"


def _p95(values: list[int]) -> int:
    return sorted(values)[int(0.95 * (len(values) - 1))]


@pytest.fixture(scope="module")
def sources(library: tuple[Any, ...], plugin_sources: tuple[Any, ...]) -> tuple[Any, ...]:
    return library + plugin_sources


@pytest.fixture(scope="module")
def functions(sources: tuple[Any, ...]) -> Functions:
    return [
        (f"{source.name}:{node.name}", node)
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    given = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return [a for a in given if a.arg not in ("self", "cls")]


def _public(functions: Functions) -> Functions:
    return [(name, node) for name, node in functions if not node.name.startswith("_")]


def test_files_are_short(sources: tuple[Any, ...]) -> None:
    lines = {source.name: len(source.text.splitlines()) for source in sources}
    assert median(lines.values()) <= MOST_LINES["median"]
    assert _p95(list(lines.values())) <= MOST_LINES["p95"]
    assert {name: n for name, n in lines.items() if n > MOST_LINES["any"]} == {}


def test_functions_fit_a_screen(functions: Functions) -> None:
    lines = {name: (node.end_lineno or 0) - node.lineno + 1 for name, node in functions}
    assert _p95(list(lines.values())) <= MOST_FUNCTION_LINES["p95"]
    assert {name: n for name, n in lines.items() if n > MOST_FUNCTION_LINES["any"]} == {}


def test_functions_take_few_parameters(functions: Functions) -> None:
    counts = {n: len(_parameters(f)) for n, f in functions if not n.startswith(_COMMANDS)}
    assert {name: n for name, n in counts.items() if n > MOST_PARAMETERS} == {}


def test_library_code_does_not_assert(sources: tuple[Any, ...]) -> None:
    asserts = [
        f"{source.name}:{node.lineno}"
        for source in sources
        if not source.name.startswith("multiprot/testing/")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assert)
    ]
    assert asserts == []


def test_public_functions_are_annotated(functions: Functions) -> None:
    bare = [
        name
        for name, node in _public(functions)
        if node.returns is None or any(a.annotation is None for a in _parameters(node))
    ]
    assert bare == []


def test_public_functions_are_documented(functions: Functions) -> None:
    # The rest are methods that overrule a documented one, which ruff's D rules let pass too.
    public = _public(functions)
    documented = [name for name, node in public if ast.get_docstring(node)]
    assert len(documented) >= 0.95 * len(public)


def test_every_module_says_what_it_is_for(sources: tuple[Any, ...]) -> None:
    assert [source.name for source in sources if not ast.get_docstring(source.tree)] == []


def _raises(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield node.exc


def test_errors_give_the_value(sources: tuple[Any, ...]) -> None:
    calls = [call for source in sources for call in _raises(source.tree)]
    telling = [
        call
        for call in calls
        if any(
            isinstance(part, ast.JoinedStr | ast.Name | ast.Attribute)
            for argument in call.args
            for part in ast.walk(argument)
        )
    ]
    assert len(telling) >= 0.85 * len(calls)


def test_nothing_is_repaired_silently(sources: tuple[Any, ...]) -> None:
    found = [
        f"{source.name}:{node.lineno}"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute | ast.Name)
        and getattr(node, "attr", getattr(node, "id", "")) in ("nan_to_num", "nan_to_num_")
    ]
    assert found == []


def test_there_is_nearly_as_much_test_as_code(root: Path, sources: tuple[Any, ...]) -> None:
    files = [*(root / "tests").rglob("*.py"), *(root / "plugins").glob("*/tests/**/*.py")]
    tests = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
    assert tests >= 0.9 * sum(len(source.text.splitlines()) for source in sources)
