"""Reading lines as a structure file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from multiprot.proteins import StructureReading, read_structure_file


@pytest.fixture
def read_lines_as(tmp_path: Path) -> Callable[..., list[StructureReading]]:
    """Write lines to a file and read it as a structure."""

    def read(
        lines: Sequence[str], name: str = "x.pdb", **options: object
    ) -> list[StructureReading]:
        path = tmp_path / name
        path.write_text("\n".join([*lines, *(["END"] if name.endswith(".pdb") else []), ""]))
        return read_structure_file(path, **options)  # type: ignore[arg-type]

    return read
