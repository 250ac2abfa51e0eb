"""transfer.json of `multiprot transfer`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from multiprot.errors import ReportError
from multiprot.report.json_file import Stored, read_object, read_stored
from multiprot.transfer import MEASURES, Measure
from multiprot.transfer.record import FORMAT, TRANSFER

OTHERS: Final = "all others"
"""What stands for a source that is not one set but all but the target."""


class PairValue(Stored):
    """What one measure says of one source and target; no value: the problem says why."""

    measure: str
    source: str
    target: str
    value: float | None
    low: float | None = None
    high: float | None = None
    warnings: tuple[str, ...] = ()
    problem: str | None = None
    step: int | None = None

    @property
    def from_where(self) -> str:
        """The source's name."""
        return self.source or OTHERS


class TracePoint(Stored):
    """A value at one step of training."""

    step: int
    task: str
    value: float | None
    low: float | None = None
    high: float | None = None


class TransferFile(Stored):
    """All of it."""

    verb: Literal["matrix", "rank", "trace"]
    model: str
    options: dict[str, Any] = Field(default_factory=dict)
    names: tuple[str, ...] = ()
    pairs: tuple[PairValue, ...] = ()
    trace: tuple[TracePoint, ...] = ()

    @property
    def measures(self) -> tuple[str, ...]:
        """Names, in the order of the file."""
        return tuple(dict.fromkeys(pair.measure for pair in self.pairs))

    def of(self, measure: str) -> list[PairValue]:
        """The pairs of one measure."""
        return [pair for pair in self.pairs if pair.measure == measure]

    def traces(self) -> Iterator[tuple[str, list[TracePoint]]]:
        """Measure and its points, where values belong to steps of training."""
        if self.trace:
            yield str(self.options.get("measure", "value")), list(self.trace)
        for measure in self.measures:
            found = [pair for pair in self.of(measure) if pair.step is not None]
            if found:
                yield measure, [_point(pair) for pair in found]


def _point(pair: PairValue) -> TracePoint:
    # Those without a step were sorted out by `traces`.
    return TracePoint(
        step=pair.step or 0, task=pair.target, value=pair.value, low=pair.low, high=pair.high
    )


def read_transfer(folder: Path) -> TransferFile:
    """What `multiprot transfer` wrote into a folder.

    Raises
    ------
    ReportError
        If the file is broken, of another format, or holds no value.
    """
    path = folder / TRANSFER
    found = read_object(path).get("format")
    if found != FORMAT:
        raise ReportError(f"{path}: holds format {found!r}, not {FORMAT!r}; is it that file?")
    told = read_stored(path, TransferFile)
    if not told.pairs and not told.trace:
        raise ReportError(f"{path}: holds no value; measure again with `multiprot transfer`")
    return told


def known_measure(name: str) -> Measure | None:
    """What is known of a measure; None for one that this multiprot does not have."""
    return MEASURES.get(name)


def names_of(pairs: Sequence[PairValue], order: Sequence[str]) -> tuple[str, ...]:
    """Every name of the pairs: first those of `order`, then others as they come."""
    there = dict.fromkeys(name for pair in pairs for name in (pair.source, pair.target) if name)
    first = [name for name in order if name in there]
    return tuple(dict.fromkeys([*first, *there]))
