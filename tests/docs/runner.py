"""Executes the blocks of one page in one folder."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.docs.blocks import Block

_SECONDS = 240
_USER_ERROR = 2
_INSTALLED = ".installed"


class PageError(AssertionError):
    """A block did not do what the page says."""


class PageRunner:
    """One page's folder, shell environment and Python namespace.

    Parameters
    ----------
    folder
        Working directory of all blocks.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.printed = ""
        self._namespace: dict[str, Any] = {"__name__": "__page__"}
        # In front of the virtual environment's programs: the pages say `multiprot`.
        programs = Path(sys.executable).parent
        self._environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(_pip(folder)), str(programs), os.environ["PATH"]]),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "PYTHONPATH": str(folder / _INSTALLED),
        }

    def run(self, block: Block) -> None:
        """Do what the block's role says.

        Raises
        ------
        PageError
            If a command fails, or prints something else than the page says.
        """
        action = getattr(self, f"_{block.role}", None)
        if action is not None:
            action(block)

    def _bash(self, block: Block) -> None:
        done = self._shell(f"set -euo pipefail\n{block.source}")
        if done.returncode:
            raise PageError(f"{block}: exit code {done.returncode}\n{done.stdout}")
        self.printed = done.stdout

    def _console(self, block: Block) -> None:
        """Run each command and compare; one that the page shows to fail must exit with 2."""
        for command, expected in _sessions(block.source):
            done = self._shell(command)
            failing = any(line.startswith("error:") for line in expected.splitlines())
            wanted = _USER_ERROR if failing else 0
            if done.returncode != wanted:
                raise PageError(
                    f"{block}: `{command}`: exit code {done.returncode}, not {wanted}\n"
                    f"{done.stdout}"
                )
            _compare(block, expected, done.stdout)

    def _python(self, block: Block) -> None:
        # Blank lines in front, so that a traceback names the page's own line.
        code = compile("\n" * block.line + block.source, str(block.page), "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, self._namespace)  # noqa: S102 - that is what this is for
        self.printed = printed.getvalue()

    def _output(self, block: Block) -> None:
        _compare(block, block.source, self.printed)

    def _file(self, block: Block) -> None:
        path = self.folder / block.argument
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.source, encoding="utf-8")

    def _shell(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )


def _pip(folder: Path) -> Path:
    """A folder with a `pip` whose packages are found by the page's commands and by nobody else."""
    place = folder / ".programs"
    place.mkdir(exist_ok=True)
    program = place / "pip"
    target = f"--target {folder / _INSTALLED} --no-deps --upgrade --disable-pip-version-check"
    program.write_text(
        f'#!/bin/sh\nverb="$1"; shift\nexec {sys.executable} -m pip "$verb" {target} "$@"\n'
    )
    program.chmod(0o755)
    return place


def _sessions(source: str) -> list[tuple[str, str]]:
    """Commands of a console block, each with what the page says it prints."""
    parts = re.split(r"^\$ ", source, flags=re.MULTILINE)[1:]
    found = []
    for part in parts:
        lines = part.splitlines()
        last = next(i for i, line in enumerate(lines) if not line.endswith("\\"))
        found.append(("\n".join(lines[: last + 1]), "\n".join(lines[last + 1 :])))
    return found


def matches(expected: str, printed: str) -> bool:
    """Whether what was printed is what the page shows, "..." standing for any text.

    Runs of spaces and line breaks count as one space: pages wrap long lines.
    """
    pieces = [re.escape(" ".join(piece.split())) for piece in expected.split("...")]
    pattern = r"\s*.*?\s*".join(pieces)
    return re.fullmatch(rf"\s*{pattern}\s*", " ".join(printed.split()), re.DOTALL) is not None


def _compare(block: Block, expected: str, printed: str) -> None:
    if not matches(expected, printed):
        raise PageError(f"{block}: the page says\n{expected}\nprinted was\n{printed}")
