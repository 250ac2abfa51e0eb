"""The linters and checkers, each as one test, and the proof that each of them bites."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPTS = Path(sys.executable).parent


def _run(root: Path, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=root, input=text, capture_output=True, text=True, check=False
    )


def _clean(root: Path, *command: str) -> None:
    done = _run(root, *command)
    assert done.returncode == 0, f"{' '.join(command)[:200]}\n{done.stdout}\n{done.stderr}"


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


def _modules(root: Path) -> list[str]:
    found = [*(root / "multiprot").rglob("*.py"), *(root / "plugins").glob("*/src/**/*.py")]
    return [str(file) for file in sorted(found)]


def _plugins(root: Path) -> list[Path]:
    return sorted(path.parent for path in (root / "plugins").glob("*/src/*/__init__.py"))


def test_ruff_finds_nothing(root: Path) -> None:
    _clean(root, *_python("ruff", "check", "."))


def test_code_is_formatted(root: Path) -> None:
    _clean(root, *_python("ruff", "format", "--check", "."))


@pytest.mark.timeout(600)
def test_types_are_strict(root: Path) -> None:
    _clean(root, *_python("mypy", "multiprot", "benchmarks"))


@pytest.mark.timeout(600)
def test_types_of_plugins_are_strict(root: Path) -> None:
    for package in _plugins(root):
        _clean(root, *_python("mypy", str(package)))


def test_imports_point_one_way(root: Path) -> None:
    _clean(root, str(_SCRIPTS / "lint-imports"))


def test_docstrings_are_numpydoc(root: Path) -> None:
    _clean(root, str(_SCRIPTS / "numpydoc"), "lint", "--config", str(root), *_modules(root))


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ('"""M."""\nimport os\n', "F401"),
        ('"""M."""\n\n\ndef f(x: int) -> None:\n    """D."""\n    assert x\n', "S101"),
        ('"""M."""\n\n\ndef f() -> None:\n    return\n', "D103"),
        ('"""M."""\nprint(1)\n', "T201"),
    ],
)
def test_ruff_bites(root: Path, code: str, rule: str) -> None:
    command = _python("ruff", "check", "--stdin-filename", "multiprot/fusion/probe.py", "-")
    done = _run(root, *command, text=code)
    assert done.returncode == 1
    assert rule in done.stdout


@pytest.mark.parametrize(
    "code", ["def f(x): ...", "x: int = 'a'", "from multiprot.errors import Nothing"]
)
def test_mypy_bites(root: Path, code: str) -> None:
    assert _run(root, *_python("mypy", "-c", code)).returncode == 1


def test_numpydoc_bites(root: Path, tmp_path: Path) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(
        '"""M."""\n\n\ndef f(right: int) -> None:\n    """Do it.\n\n    Parameters\n'
        '    ----------\n    wrong\n        Not there.\n    """\n'
    )
    done = _run(root, str(_SCRIPTS / "numpydoc"), "lint", "--config", str(root), str(probe))
    assert done.returncode == 1
    assert "PR02" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("proteins/probe.py", "import multiprot.data", "layers"),
        ("proteins/probe.py", "import multiprot.ontology", "layers"),
        ("errors.py", "import multiprot.files", "layers"),
        ("fusion/probe.py", "import lightning", "lightning lives in training"),
        ("config/probe.py", "import torch", "no torch below encoders"),
        ("encoders/registry.py", "import torch", "no torch where plugins are declared"),
        ("data/probe.py", "import obonet", "ontology readers stay behind their door"),
        ("newfolder/__init__.py", "", "layers"),
    ],
)
def test_import_linter_bites(
    root: Path, tmp_path: Path, module: str, line: str, contract: str
) -> None:
    for file in sorted((root / "multiprot").rglob("*.py")):
        copy = tmp_path / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((root / "pyproject.toml").read_bytes())
    probe = tmp_path / "multiprot" / module
    probe.parent.mkdir(exist_ok=True)
    with probe.open("a") as handle:
        handle.write(f"\n{line}\n")
    program = (
        "import sys; sys.path.insert(0, ''); from importlinter.cli import lint_imports_command"
    )
    done = _run(tmp_path, sys.executable, "-c", f"{program}; lint_imports_command(['--no-cache'])")
    assert done.returncode == 1, done.stdout
    assert f"{contract}" in next(x for x in done.stdout.splitlines() if x.endswith("BROKEN"))
