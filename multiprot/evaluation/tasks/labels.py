"""Labels as arrays: one row for each entry of a table, or for each of its residues."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.tasks.specification import TaskSpecification
from multiprot.evaluation.tasks.task_type import Target, Unit

_BINARY: Final = {"0": 0, "1": 1, "false": 0, "true": 1}
_LONGEST_NUMBER: Final = 18


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of a task's entries, one row after another.

    Attributes
    ----------
    target
        Their kind.
    values
        float64 [row] for numbers, int64 [row] for a yes (1) or no (0) or the position of a class in
        `names`, bool [row, label] where any of several labels may hold.
    names
        Of the classes or labels; empty for numbers.
    scored
        bool [row]: whether it counts; False only for residues whose label is missing.
    offsets
        int64 [entry + 1]: the rows of entry i begin at offsets[i] and end before offsets[i + 1].
    """

    target: Target
    values: NDArray[Any]
    names: tuple[str, ...]
    scored: NDArray[np.bool_]
    offsets: NDArray[np.int64]

    def rows(self, entries: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64 [row]: scored rows of some entries, in the entries' order."""
        begins, ends = self.offsets[entries], self.offsets[entries + 1]
        found = [np.arange(b, e) for b, e in zip(begins, ends, strict=True)]
        rows = np.concatenate([np.zeros(0, dtype=np.int64), *found])
        return np.asarray(rows[self.scored[rows]])

    def entries(self) -> NDArray[np.int64]:
        """int64 [row]: the entry that each row belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


def parse_labels(
    specification: TaskSpecification, values: Sequence[Any], ids: Sequence[str]
) -> Labels:
    """Labels from the column `target`.

    Parameters
    ----------
    specification
        How they are written.
    values
        Text, or what a Parquet table holds: numbers, or lists of labels.
    ids
        Of the entries, for error messages.

    Raises
    ------
    EvaluationError
        If a label cannot be read, naming the entry and the label.
    """
    by_residue = specification.unit is Unit.RESIDUE
    multilabel = specification.target is Target.MULTILABEL
    split = _separated if by_residue or multilabel else _whole
    if split is _whole:
        _refuse_lists(values, ids)
    parts = [split(value, specification.separator) for value in values]
    if specification.target in (Target.MULTICLASS, Target.MULTILABEL):
        _refuse_missing(specification, parts, ids)
    if multilabel and not by_residue:
        return _label_sets(specification, parts)
    sizes = np.fromiter((len(part) for part in parts), dtype=np.int64, count=len(parts))
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    owners = np.repeat(np.arange(len(parts)), sizes)
    flat = np.array(list(chain.from_iterable(parts)), dtype=np.str_)
    ignored = specification.ignore_label if by_residue else None
    scored = np.ones(len(flat), bool) if ignored is None else flat != ignored

    def blame(row: int, wanted: str) -> EvaluationError:
        place = f", residue {row - offsets[owners[row]] + 1}" if by_residue else ""
        return EvaluationError(
            f"entry {ids[owners[row]]}{place}: label {str(flat[row])!r} is not {wanted}"
        )

    made, names = _READERS[specification.target](specification, flat, scored, blame)
    return Labels(specification.target, made, names, scored, offsets)


def _refuse_lists(values: Sequence[Any], ids: Sequence[str]) -> None:
    for name, value in zip(ids, values, strict=True):
        if isinstance(value, (list, tuple)):
            raise EvaluationError(
                f"entry {name}: its target is a list, but an entry of this task_type has one "
                "label; correct the table or task.json"
            )


def _refuse_missing(
    specification: TaskSpecification, parts: Sequence[Sequence[str]], ids: Sequence[str]
) -> None:
    """A label that is not there must not become a class of its own."""
    known = {*specification.class_names, specification.ignore_label}
    for name, part in zip(ids, parts, strict=True):
        # Of a text each character is a residue's label, a blank one, too.
        listed = () if isinstance(part, str) else part
        if any(not label.strip() and label not in known for label in listed):
            raise EvaluationError(f"entry {name}: a label is empty; fill it or drop the row")


Blame = Callable[[int, str], EvaluationError]
_Read = tuple[NDArray[Any], tuple[str, ...]]


def _numbers(
    specification: TaskSpecification,
    flat: NDArray[np.str_],
    scored: NDArray[np.bool_],
    blame: Blame,
) -> _Read:
    values = np.full(len(flat), np.nan)
    try:
        values[scored] = flat[scored].astype(np.float64)
    except ValueError:
        row = next(int(r) for r in np.flatnonzero(scored) if not _is_number(flat[r]))
        raise blame(row, "a number; correct it or drop the row") from None
    odd = np.flatnonzero(scored & ~np.isfinite(values))
    if len(odd):
        hint = "; name the label of residues to leave out as ignore_label in task.json"
        told = "a finite number" + (
            hint if specification.unit is Unit.RESIDUE else "; drop the row"
        )
        raise blame(int(odd[0]), told)
    return values, ()


def _binary(
    specification: TaskSpecification,
    flat: NDArray[np.str_],
    scored: NDArray[np.bool_],
    blame: Blame,
) -> _Read:
    values = np.zeros(len(flat), dtype=np.int64)
    texts, inverse = np.unique(flat, return_inverse=True)
    codes = np.array([_BINARY.get(str(text).lower(), -1) for text in texts], dtype=np.int64)
    if len(texts):
        values = codes[inverse]
    odd = np.flatnonzero(scored & (values < 0))
    if len(odd):
        raise blame(int(odd[0]), "0, 1, false or true, as a binary task's must be")
    return np.where(scored, values, 0), specification.class_names or ("0", "1")


def _classes(
    specification: TaskSpecification,
    flat: NDArray[np.str_],
    scored: NDArray[np.bool_],
    blame: Blame,
) -> _Read:
    names = specification.class_names or _sorted_names(np.unique(flat[scored]))
    texts, inverse = np.unique(flat, return_inverse=True)
    position = {name: number for number, name in enumerate(names)}
    codes = np.array([position.get(str(text), -1) for text in texts], dtype=np.int64)
    values = codes[inverse] if len(texts) else np.zeros(0, dtype=np.int64)
    odd = np.flatnonzero(scored & (values < 0))
    if len(odd):
        raise blame(int(odd[0]), f"one of class_names in task.json ({', '.join(names)[:200]})")
    return np.where(scored, values, 0), tuple(names)


def _bits(
    specification: TaskSpecification,
    flat: NDArray[np.str_],
    scored: NDArray[np.bool_],
    blame: Blame,
) -> _Read:
    """Residues of a multilabel task: a number each, of which bit k says whether label k holds."""
    for row in np.flatnonzero(scored):
        if not _is_whole(flat[row]):
            raise blame(int(row), "a whole number whose bits are the residue's labels")
    values = np.zeros(len(flat), dtype=np.int64)
    values[scored] = flat[scored].astype(np.int64)
    count = len(specification.class_names) or max(int(values.max(initial=0)).bit_length(), 1)
    odd = np.flatnonzero(values >= 2**count)
    if len(odd):
        raise blame(int(odd[0]), f"made of the {count} bits that class_names in task.json allow")
    names = specification.class_names or tuple(f"bit {k}" for k in range(count))
    return (values[:, None] >> np.arange(count)) & 1 > 0, names


def _label_sets(specification: TaskSpecification, parts: Sequence[Sequence[str]]) -> Labels:
    """Entries of a multilabel task: the names of the labels that hold, none or any of them."""
    occurring = set(chain.from_iterable(parts))
    names = specification.class_names or _sorted_names(occurring)
    unknown = occurring.difference(names)
    if unknown:
        raise EvaluationError(
            f"label {min(unknown)!r} is not among class_names in task.json; add it or correct it"
        )
    position = {name: number for number, name in enumerate(names)}
    values = np.zeros((len(parts), len(names)), dtype=bool)
    for row, part in enumerate(parts):
        values[row, [position[name] for name in part]] = True
    count = len(parts)
    return Labels(
        Target.MULTILABEL, values, tuple(names), np.ones(count, bool), np.arange(count + 1)
    )


_READERS: Final = {
    Target.REGRESSION: _numbers,
    Target.BINARY: _binary,
    Target.MULTICLASS: _classes,
    Target.MULTILABEL: _bits,
}


def _whole(value: Any, separator: str) -> Sequence[str]:
    # NaN is what pandas writes where there is no value.
    return ("" if value != value else _text(value),)


def _separated(value: Any, separator: str) -> Sequence[str]:
    if isinstance(value, (list, tuple)):
        return [_text(part) for part in value]
    text = _text(value)
    if not separator:
        return text
    if separator.isspace():
        return text.split()
    return [part.strip() for part in text.split(separator) if part.strip()]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _sorted_names(names: Iterable[Any]) -> tuple[str, ...]:
    """Whole numbers by their value, then all else by letter."""
    texts = [str(name) for name in names]
    return tuple(sorted(texts, key=lambda t: (0, int(t), t) if _is_whole(t) else (1, 0, t)))


def _is_whole(text: str) -> bool:
    """Digits that fit into 64 bits; `str.isdigit` takes "²" for one, too."""
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
