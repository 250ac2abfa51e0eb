"""JSON files that are whole or absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from multiprot.errors import EmbeddingError
from multiprot.files import atomic_file


def write_json(path: Path, content: Any) -> None:
    """Write plain values, keys sorted."""
    with atomic_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises
    ------
    EmbeddingError
        If the file cannot be read or holds something else.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise EmbeddingError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(content, dict):
        raise EmbeddingError(f"{path}: a JSON object is needed")
    return content
