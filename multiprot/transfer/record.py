"""What `multiprot transfer` writes: one JSON file that grows pair by pair and is always whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, Final

from multiprot.errors import OutputExistsError, TransferError
from multiprot.files import atomic_file, named_errors, read_bytes
from multiprot.transfer.estimates import Draws, Estimate
from multiprot.transfer.measure import Outcome

TRANSFER: Final = "transfer.json"
FORMAT: Final = "multiprot-transfer"

_CALLED: Final = {
    "model_identities": "model of this name",
    "names": "list of tasks",
    "tasks": "content of a task",
    "options": "option",
}
"""Parts of the head as an error calls them."""


@dataclass(slots=True)
class TransferRecord:
    """Values that were measured, in a file.

    Attributes
    ----------
    path
        The file.
    head
        What decides the values: verb, models and what their vectors come from, options, tasks. A
        file that was begun with another head is not gone on with.
    rows
        Key -> a value with its interval, as plain values.
    draws
        Key -> what the value was made of, where others are made of it, too.
    """

    path: Path
    head: Mapping[str, Any]
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    draws: dict[str, Draws] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, head: Mapping[str, Any], *, resume: bool) -> TransferRecord:
        """A new record, or one to go on with.

        What could not be measured before is forgotten, and so tried again: a library that was
        missing may be there now.

        Raises
        ------
        OutputExistsError
            If there is one and `resume` is not asked for.
        TransferError
            If it was begun with another model, other tasks or other options, or is no record.
        """
        path = folder / TRANSFER
        record = cls(path, json.loads(json.dumps(head)))
        if not path.exists():
            with named_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
            return record
        if not resume:
            raise OutputExistsError(f"{path}: is there already; go on with --resume")
        told = _stored(path)
        apart = [key for key, value in record.head.items() if told.get(key) != value]
        if apart:
            raise TransferError(
                f"{path}: was begun with another {_CALLED.get(apart[0], apart[0])}; give the "
                "same, or another --out"
            )
        try:
            record._take(told)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise TransferError(
                f"{path}: its values are not as this multiprot writes them ({error!r}); measure "
                "anew with another --out"
            ) from None
        return record

    def _take(self, told: Mapping[str, Any]) -> None:
        draws = dict(told["draws"])
        for row in told["pairs"]:
            if row["problem"] is None:
                key = key_of(row["measure"], row["source"], row["target"])
                self.rows[key] = {**row, "key": key}
                if row["key"] in draws:
                    self.draws[key] = _read(draws[row["key"]])

    def add(
        self,
        measure: str,
        source: str,
        target: str,
        found: Estimate | str,
        draws: Draws | None = None,
        **more: Any,
    ) -> None:
        """Keep a value, or why there is none, and write the file.

        Parameters
        ----------
        measure, source, target
            What was measured of what.
        found
            The estimate, or the problem.
        draws
            What it was made of.
        **more
            Further values of the row.
        """
        key = key_of(measure, source, target)
        self.rows[key] = {
            "key": key,
            "measure": measure,
            "source": source,
            "target": target,
            **_values(found),
            **more,
        }
        if draws is not None:
            self.draws[key] = draws
        self.write()

    def write(self) -> None:
        """Write the file anew."""
        tree = {
            "format": FORMAT,
            **self.head,
            "pairs": list(self.rows.values()),
            "draws": {key: _plain(draws) for key, draws in self.draws.items()},
        }
        with atomic_file(self.path) as partial:
            partial.write_text(json.dumps(tree, indent=1, allow_nan=False), encoding="utf-8")


def key_of(measure: str, source: str, target: str) -> str:
    """What tells a value from all others of a record."""
    return json.dumps([measure, source, target], ensure_ascii=False)


def _stored(path: Path) -> dict[str, Any]:
    """What the file holds, if it is a record."""
    try:
        told = json.loads(read_bytes(path))
    except ValueError as error:
        raise TransferError(
            f"{path}: is no JSON ({error}); remove it and measure anew, or give another --out"
        ) from None
    found = told.get("format") if isinstance(told, dict) else None
    if not isinstance(told, dict) or found != FORMAT:
        raise TransferError(
            f"{path}: holds format {found!r}, not {FORMAT!r}, so `multiprot transfer` did not "
            "write it; give another --out"
        )
    return told


def _values(found: Estimate | str) -> dict[str, Any]:
    if isinstance(found, str):
        return {"value": None, "low": None, "high": None, "warnings": [], "problem": found}
    return {
        "value": _number(found.value),
        "low": _number(found.low),
        "high": _number(found.high),
        "by_size": [[size, _number(value)] for size, value in found.by_size],
        "proteins": list(found.proteins),
        "warnings": [found.warning] if found.warning else [],
        "problem": None,
    }


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def _plain(draws: Draws) -> dict[str, Any]:
    return {
        "proteins": list(draws.proteins),
        "by_size": [[size, outcome.value] for size, outcome in draws.by_size],
        "halves": [None if half is None else half.value for half in draws.halves],
    }


def _read(told: Mapping[str, Any]) -> Draws:
    return Draws(
        tuple(told["proteins"]),
        tuple((size, Outcome(value)) for size, value in told["by_size"]),
        tuple(None if half is None else Outcome(half) for half in told["halves"]),
    )
