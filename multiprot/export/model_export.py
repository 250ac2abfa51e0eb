"""Writes a student for another tool, whole or not at all, after a comparison with the student."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import multiprot
from multiprot.export.card import card_of
from multiprot.export.demand import FidelityDemand, check_fidelity, copy_card
from multiprot.export.int8 import refuse_far, write_int8
from multiprot.export.onnx import BAR as ONNX_BAR
from multiprot.export.onnx import write_onnx
from multiprot.export.parity import Parity, Runner, compare, refuse_beyond
from multiprot.export.source import ExportSource, open_source
from multiprot.export.transformers_checkpoint import BAR as TRANSFORMERS_BAR
from multiprot.export.transformers_checkpoint import write_checkpoint
from multiprot.files import atomic_folder
from multiprot.optional import installed_versions

Target = Literal["transformers", "onnx", "onnx-int8"]
"""What a student is written for."""

RECORD: Final = "export.json"
"""What was exported, by what, and how far it is from the student."""

_WRITERS: Final[dict[Target, Callable[[Path, ExportSource], Runner]]] = {
    "transformers": write_checkpoint,
    "onnx": write_onnx,
    "onnx-int8": write_int8,
}
_CHECKS: Final[dict[Target, Callable[[Parity, str], None]]] = {
    "transformers": lambda parity, what: refuse_beyond(parity, TRANSFORMERS_BAR, what),
    "onnx": lambda parity, what: refuse_beyond(parity, ONNX_BAR, what),
    "onnx-int8": refuse_far,
}
_LIBRARIES: Final = ("torch", "transformers", "tokenizers", "onnx", "onnxruntime")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelExport:
    """What an export wrote.

    Attributes
    ----------
    path
        The folder.
    to
        What it is for.
    parity
        How far it is from the student.
    width
        Channels of a vector.
    parameters
        Numbers in the student.
    size
        Bytes of all files.
    """

    path: Path
    to: Target
    parity: Parity
    width: int
    parameters: int
    size: int


def export_model(
    model: Path | str,
    out: Path | str,
    to: Target,
    *,
    demand: FidelityDemand | None = None,
    overwrite: bool = False,
) -> ModelExport:
    """Write a student for another tool.

    Before the folder gets its name, the model in it is read back by that tool's own library and
    compared with the student on proteins of 1 to 333 residues, in company and alone.

    Parameters
    ----------
    model
        As `open_source` takes it.
    out
        Folder to write.
    to
        What for.
    demand
        The fidelity card to hold against the student, which goes along with it. One that was
        distilled must have one.
    overwrite
        Replace a folder that is there.

    Raises
    ------
    ExportError
        If `model` names no student, or one that was distilled and has no card; a library is
        missing; or the result is too far from the student.
    FidelityError
        If the card is another model's, or the student keeps too little.
    OutputExistsError
        If the folder holds something and `overwrite` is not given.
    """
    source, out = open_source(model), Path(out)
    check_fidelity(source, demand)
    with atomic_folder(out, overwrite=overwrite) as partial:
        run = _WRITERS[to](partial, source)
        parity = compare(source.trunk, run)
        _CHECKS[to](parity, f"{source.name}: export to {to}")
        told = json.dumps(_record(source, to, parity), indent=1) + "\n"
        (partial / RECORD).write_text(told, encoding="utf-8")
        (partial / "README.md").write_text(card_of(source, to, parity), encoding="utf-8")
        if demand is not None:
            copy_card(demand, partial)
    return ModelExport(
        path=out,
        to=to,
        parity=parity,
        width=source.config.width,
        parameters=_parameters(source),
        size=sum(file.stat().st_size for file in out.iterdir()),
    )


def _record(source: ExportSource, to: Target, parity: Parity) -> dict[str, Any]:
    return {
        "format": "multiprot-export",
        "format_version": 1,
        "to": to,
        "model": source.name,
        "content_hash": source.content_hash,
        "config": source.config.model_dump(mode="json"),
        "parameters": _parameters(source),
        "pooling": "mean of the tokens of all residues",
        "parity": asdict(parity),
        "versions": {"multiprot": multiprot.__version__, **installed_versions(_LIBRARIES)},
    }


def _parameters(source: ExportSource) -> int:
    return sum(parameter.numel() for parameter in source.trunk.parameters())
