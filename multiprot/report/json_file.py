"""JSON files that other verbs wrote, read with errors that name the file and the place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from multiprot.errors import ReportError
from multiprot.files import read_bytes


class Stored(BaseModel):
    """A part of a file; keys that are not used here are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


FileT = TypeVar("FileT", bound=Stored)


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises
    ------
    ReportError
        If the file is empty, no JSON or no object.
    FileFormatError
        If it cannot be read.
    """
    content = read_bytes(path)
    if not content.strip():
        raise ReportError(f"{path}: is empty; make it again with the command that wrote it")
    try:
        told = json.loads(content)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ReportError(
            f"{path}: is no JSON ({error}); make it again with the command that wrote it"
        ) from None
    if not isinstance(told, dict):
        raise ReportError(f"{path}: holds a {type(told).__name__}, not an object; is it that file?")
    return told


def read_stored(path: Path, model: type[FileT]) -> FileT:
    """A file as the model has it.

    Raises
    ------
    ReportError
        As `read_object`, and where a value is missing or of another type, naming it.
    """
    try:
        return model.model_validate(read_object(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ReportError(
            f"{path}: {place}: {first['msg']}; make it again with the command that wrote it"
        ) from None
