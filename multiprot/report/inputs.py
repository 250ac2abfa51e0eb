"""What a folder is, told by what lies in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from multiprot.bundle.format import BUNDLE
from multiprot.embedding.store_format import STORE
from multiprot.errors import ReportError
from multiprot.evaluation.comparison.run import CELLS, RUN
from multiprot.fidelity.requirement import CARD
from multiprot.report.json_file import read_object
from multiprot.report.training_logs import LOGS
from multiprot.transfer.record import TRANSFER

RESULTS = "results.json"
"""Both a training run and an evaluation end by writing a file of this name."""


class InputKind(StrEnum):
    """What can be reported on."""

    EVALUATION = "evaluation"
    TRANSFER = "transferability"
    STORE = "embedding store"
    RUN = "training run"
    FIDELITY = "fidelity card"


@dataclass(frozen=True, slots=True)
class ReportInput:
    """One folder.

    Attributes
    ----------
    kind
        What it is.
    folder
        Where it lies.
    name
        What the page calls it.
    """

    kind: InputKind
    folder: Path
    name: str


def recognised(folders: Sequence[Path]) -> list[ReportInput]:
    """The folders with their kinds, in the same order.

    Raises
    ------
    ReportError
        If a folder is none that can be reported on, is not finished, or is given twice.
    """
    resolved = [folder.resolve() for folder in folders]
    for number, folder in enumerate(resolved):
        if folder in resolved[:number]:
            raise ReportError(f"{folders[number]}: given twice; give it once")
    kinds = [_kind(folder) for folder in folders]
    return [
        ReportInput(kind, folder, name)
        for kind, folder, name in zip(kinds, folders, _names(resolved), strict=True)
    ]


def _kind(folder: Path) -> InputKind:
    if not folder.is_dir():
        fault = "is a file; give the folder it lies in" if folder.exists() else "no such folder"
        raise ReportError(f"{folder}: {fault}")
    if (folder / CARD).is_file():
        return InputKind.FIDELITY
    if (folder / TRANSFER).is_file():
        return InputKind.TRANSFER
    if STORE.is_in(folder):
        return InputKind.STORE
    if (folder / LOGS).is_dir():
        return InputKind.RUN
    if (folder / RESULTS).is_file():
        if "scores" in read_object(folder / RESULTS):
            return InputKind.EVALUATION
        raise ReportError(
            f"{folder / RESULTS}: holds no scores, and the folder has no {LOGS}/; give the folder "
            "that `multiprot evaluate` or `multiprot pretrain` wrote"
        )
    raise ReportError(f"{folder}: {_why_unknown(folder)}")


def _why_unknown(folder: Path) -> str:
    if BUNDLE.is_in(folder):
        return "is a bundle; report on what was made with it, or on the run it came from"
    if (folder / CELLS).is_dir() or (folder / RUN).is_file():
        return "an evaluation that is not finished; run `multiprot evaluate` with --resume first"
    return (
        "is no training run, embedding store, evaluation, transfer folder or fidelity card; give "
        "one that `multiprot pretrain`, `embed`, `evaluate`, `transfer` or `fidelity` wrote"
    )


def _names(folders: Sequence[Path]) -> list[str]:
    """The last part of each path, or as many as tell it from the others."""
    for parts in range(1, max(len(folder.parts) for folder in folders) + 1):
        names = ["/".join(folder.parts[-parts:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]
