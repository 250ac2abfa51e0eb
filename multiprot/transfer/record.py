"""What `multiprot transfer` writes: one JSON file that grows pair by pair and is always whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, Final

from multiprot.errors import OutputExistsError, TransferError
from multiprot.files import atomic_file
from multiprot.transfer.estimates import Draws, Estimate
from multiprot.transfer.measure import Outcome

TRANSFER: Final = "transfer.json"
FORMAT: Final = "multiprot-transfer"


@dataclass(slots=True)
class TransferRecord:
    """Values that were measured, in a file.

    Attributes
    ----------
    path
        The file.
    head
        What decides the values: verb, model, options, tasks. A file that was begun with another
        head is not gone on with.
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

        Raises
        ------
        OutputExistsError
            If there is one and `resume` is not asked for.
        TransferError
            If it was begun with another model, other tasks or other options.
        """
        path = folder / TRANSFER
        record = cls(path, json.loads(json.dumps(head)))
        if not path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            return record
        if not resume:
            raise OutputExistsError(f"{path}: is there already; go on with --resume")
        told = json.loads(path.read_text(encoding="utf-8"))
        apart = [key for key, value in record.head.items() if told.get(key) != value]
        if apart:
            raise TransferError(
                f"{path}: was begun with another {apart[0]}; give the same, or another --out"
            )
        record.rows = {row["key"]: row for row in told["pairs"]}
        record.draws = {key: _read(value) for key, value in told["draws"].items()}
        return record

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
        more
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
    return "\t".join((measure, source, target))


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
