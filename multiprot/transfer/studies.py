"""Studies over many sets: a matrix, a ranking, a trace; each keeps what it has measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import inf
from types import MappingProxyType

from multiprot.errors import TransferError
from multiprot.transfer.collection import otfrm_of_one, pair_distances
from multiprot.transfer.estimates import Draws, Estimate, estimate, estimate_of
from multiprot.transfer.matrix import pairs_of
from multiprot.transfer.measure import Measure, Takes
from multiprot.transfer.options import TransferOptions
from multiprot.transfer.record import TransferRecord, key_of
from multiprot.transfer.registry import MEASURES
from multiprot.transfer.sample import Sample

OnRow = Callable[[str], None]
"""Told in words of each value as it is measured."""

OTFRM = "otfrm"
DISTANCE = "wasserstein"


def study_matrix(
    samples: Sequence[Sample],
    measures: Sequence[Measure],
    options: TransferOptions,
    record: TransferRecord,
    on_row: OnRow = lambda told: None,
    missing: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Every measure of every pair of sets; what the record holds already is not measured again.

    OTFRM is that of a task among all others, as MASSA defines it, made of the Wasserstein distances
    of its pairs. A pair that cannot be measured is recorded with the reason.

    Parameters
    ----------
    samples
        Sets of different names, as one model sees them.
    measures
        Which.
    options
        How.
    record
        Where values go.
    on_row
        Told of each new value.
    missing
        Sets that cannot be looked at, by name, and why: recorded so, and OTFRM is that among the
        others.

    Raises
    ------
    TransferError
        If names repeat, a measure compares models and not tasks, or there is no pair of sets for
        measures of pairs.
    """
    refuse_unmatched(measures, [*(sample.name for sample in samples), *missing])
    names = [measure.name for measure in measures]
    if OTFRM in names or DISTANCE in names:
        _distances(samples, options, record, on_row)
    by_name = {sample.name: sample for sample in samples}
    for measure in measures:
        if measure.name == OTFRM:
            continue
        for source, target in pairs_of(measure, [*by_name, *missing]):
            reason = missing.get(target) or missing.get(source)
            if reason is not None:
                _keep(measure.name, (source, target), reason, record, on_row)
            elif measure.name != DISTANCE:
                one = measure.takes is Takes.ONE_SET
                given = [by_name[target]] if one else [by_name[source], by_name[target]]
                _measured(measure, given, (source, target), options, record, on_row)
    if OTFRM in names:
        _among_all(samples, options, record, on_row)
        for name, reason in missing.items():
            _keep(OTFRM, ("", name), reason, record, on_row)


def refuse_unmatched(measures: Sequence[Measure], names: Sequence[str]) -> None:
    """Raise `TransferError` if these measures say nothing about sets of these names."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise TransferError(
            f"two tasks are called {repeated[0]!r}; give one of them another name in its task.json"
        )
    for measure in measures:
        if measure.takes is Takes.PAIRED_ROWS:
            raise TransferError(
                f"{measure.name} compares two models on the same proteins, not tasks of different "
                "ones; take wasserstein or sinkhorn"
            )
        if measure.takes is Takes.PAIR and len(names) < 2:
            raise TransferError(
                f"{measure.name} compares tasks, and there is only {', '.join(names) or 'none'}; "
                "give at least two"
            )


def study_ranking(
    target: str,
    candidates: Mapping[str, Sequence[Sample]],
    measures: Sequence[Measure],
    options: TransferOptions,
    record: TransferRecord,
    on_row: OnRow = lambda told: None,
    missing: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """What candidates promise for a target, by every measure.

    Parameters
    ----------
    target
        Name of the target.
    candidates
        Name -> what the measures are given: (source, target) of sets, or (target,) as one of
        several models sees it.
    measures, options, record, on_row, missing
        As in `study_matrix`.
    """
    for measure in measures:
        for name, reason in missing.items():
            _keep(measure.name, (name, target), reason, record, on_row)
        for name, samples in candidates.items():
            given = samples[-1:] if measure.takes is Takes.ONE_SET else samples
            _measured(measure, given, (name, target), options, record, on_row)


def ranked(record: TransferRecord, measure: Measure) -> list[str]:
    """Candidates of a ranking, the most promising first; those without a value last, by name."""
    sign = -1.0 if measure.larger_is_better else 1.0

    def order(row: Mapping[str, object]) -> tuple[float, str]:
        value = row["value"]
        return (sign * value if isinstance(value, float) else inf), str(row["source"])

    rows = [row for row in record.rows.values() if row["measure"] == measure.name]
    return [str(row["source"]) for row in sorted(rows, key=order)]


def _measured(
    measure: Measure,
    samples: Sequence[Sample],
    pair: tuple[str, str],
    options: TransferOptions,
    record: TransferRecord,
    on_row: OnRow,
) -> None:
    if key_of(measure.name, *pair) in record.rows:
        return
    found: Estimate | str
    try:
        found = estimate(measure, samples, options)
    except TransferError as error:
        found = str(error)
    _keep(measure.name, pair, found, record, on_row)


def _keep(
    measure: str,
    pair: tuple[str, str],
    found: Estimate | str,
    record: TransferRecord,
    on_row: OnRow,
    draws: Draws | None = None,
) -> None:
    record.add(measure, *pair, found, draws)
    on_row(told(measure, (pair[0] or "all others", pair[1]), found))


def _distances(
    samples: Sequence[Sample], options: TransferOptions, record: TransferRecord, on_row: OnRow
) -> None:
    for first, second in combinations(samples, 2):
        pair = (first.name, second.name)
        if key_of(DISTANCE, *pair) in record.rows:
            continue
        try:
            draws = pair_distances(first, second, options)
        except TransferError as error:
            _keep(DISTANCE, pair, str(error), record, on_row)
            continue
        found = estimate_of(MEASURES[DISTANCE], (first, second), draws, options)
        _keep(DISTANCE, pair, found, record, on_row, draws)


def _among_all(
    samples: Sequence[Sample], options: TransferOptions, record: TransferRecord, on_row: OnRow
) -> None:
    rows = record.rows
    known = {
        (rows[key]["source"], rows[key]["target"]): draws for key, draws in record.draws.items()
    }
    for sample in samples:
        if key_of(OTFRM, "", sample.name) in rows:
            continue
        found: Estimate | str
        try:
            found = otfrm_of_one(sample, samples, options, known)
        except TransferError as error:
            found = str(error)
        _keep(OTFRM, ("", sample.name), found, record, on_row)


def told(measure: str, pair: tuple[str, str], found: Estimate | str) -> str:
    """One line about a value."""
    source, target = pair
    where = target if source == target else f"{source} to {target}"
    if isinstance(found, str):
        return f"{measure}, {where}: none, {found}"
    interval = f" [{found.low:.4g}, {found.high:.4g}]" if found.replicates > 1 else ""
    warning = f"  ({found.warning})" if found.warning else ""
    return f"{measure}, {where}: {found.value:.4g}{interval}{warning}"
