"""What a run has learnt, beside what needs no learning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from multiprot.training.retrieval import Retrieval

_BASELINES: Final = ("baseline_", "prior_")
"""How an objective names the metric that shows what needs no learning."""

_NO_FIGURES: Final = ("temperature", "weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One line of the table; a figure that was not measured is None.

    Attributes
    ----------
    name
        What was measured, on the valid split.
    start, end
        Before the first and after the last step.
    baseline
        The same for frequencies alone.
    """

    name: str
    start: float | None
    end: float | None
    baseline: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The end of a run.

    Attributes
    ----------
    steps
        Optimizer steps taken.
    seconds
        Wall time of all sessions that the model comes from.
    parameters
        Trainable numbers in model and objectives.
    rows
        The table.
    timing
        Shares of a step's phases, residues per second and so on.
    """

    steps: int
    seconds: float
    parameters: int
    rows: tuple[ResultRow, ...]
    timing: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain data; NaN becomes None."""
        content: dict[str, Any] = _without_nan(
            asdict(self) | {"rows": list(map(asdict, self.rows))}
        )
        return content


def result_rows(
    start: Mapping[str, float],
    end: Mapping[str, float],
    retrieval: tuple[Retrieval, Retrieval] | None,
) -> tuple[ResultRow, ...]:
    """The table from the metrics of the valid split before and after, by "objective/metric".

    Parameters
    ----------
    start, end
        Metrics; `start` may be empty.
    retrieval
        By the model and by frequency, or None without GO.
    """
    rows = []
    for name in end:
        objective, _, metric = name.rpartition("/")
        if metric.startswith(_BASELINES) or metric in _NO_FIGURES:
            continue
        others = (end.get(f"{objective}/{prefix}{metric}") for prefix in _BASELINES)
        baseline = next((value for value in others if value is not None), None)
        rows.append(ResultRow(name=name, start=start.get(name), end=end[name], baseline=baseline))
    return tuple(rows) + _retrieval_rows(retrieval)


def _retrieval_rows(retrieval: tuple[Retrieval, Retrieval] | None) -> tuple[ResultRow, ...]:
    if retrieval is None or not retrieval[0].proteins:
        return ()
    model, naive = retrieval
    return tuple(
        ResultRow(
            name=f"GO terms/{name}",
            start=None,
            end=getattr(model, name),
            baseline=getattr(naive, name),
        )
        for name in ("reciprocal_rank", "recall_at_10")
    )


def _without_nan(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
