"""Reading a list of protein ids."""

from __future__ import annotations

from pathlib import Path

from multiprot.errors import FileFormatError
from multiprot.files import read_lines


def read_id_list(path: Path | str) -> tuple[str, ...]:
    """The ids in a text file, one per line; empty lines are left out.

    Parameters
    ----------
    path
        Plain, gzip or xz.

    Raises
    ------
    FileFormatError
        If the file cannot be read, holds no id, or an id twice.
    """
    source = Path(path)
    lines: dict[str, int] = {}
    for number, line in enumerate(read_lines(source), start=1):
        protein_id = line.strip()
        if not protein_id:
            continue
        first = lines.setdefault(protein_id, number)
        if first != number:
            raise FileFormatError(
                f"{source}: line {number}: id {protein_id!r} was already named in line {first}; "
                "name it once, for example with sort -u"
            )
    if not lines:
        raise FileFormatError(f"{source}: holds no id; write one id per line")
    return tuple(lines)
