"""The half of `multiprot export` that writes models."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from multiprot.errors import ConfigError

if TYPE_CHECKING:
    from multiprot.export import ModelExport

_STUDENT_FILE: Final = "student.json"

_READ: Final = {
    "transformers": "from transformers import AutoModel; "
    "print(AutoModel.from_pretrained({path}).config.hidden_size)",
    "onnx": "import onnxruntime; "
    "print([each.name for each in onnxruntime.InferenceSession({path}).get_outputs()])",
}


def refuse_options_of_stores(to: str, given: Mapping[str, bool]) -> None:
    """Raise if an option was given that only vectors have.

    Raises
    ------
    ConfigError
        With its name.
    """
    for name, wanted in given.items():
        if wanted:
            raise ConfigError(f"--to {to} writes a model, and {name} is for vectors; leave it out")


def refuse_options_of_models(given: Mapping[str, object]) -> None:
    """Raise if an option was given that only models have.

    Raises
    ------
    ConfigError
        With its name.
    """
    for name, value in given.items():
        if value is not None:
            raise ConfigError(
                f"{name} {value} is for the export of a model (--to transformers, onnx, "
                "onnx-int8); leave it out"
            )


def refuse_student(source: str) -> None:
    """Raise if `source` is a student's folder where a store's is needed.

    Raises
    ------
    ConfigError
        With the formats of models.
    """
    folder = Path(source.removeprefix("student:"))
    if (folder / _STUDENT_FILE).is_file():
        raise ConfigError(
            f"{source}: is a student, which has no vectors yet; write the model with --to "
            "transformers, onnx or onnx-int8, or make vectors with "
            f"`multiprot embed FASTA --model student:{folder} --out STORE`"
        )


class ModelRequest(NamedTuple):
    """What is asked for of a model's export."""

    to: Any
    card: Path | None
    min_retained: float | None
    overwrite: bool
    as_json: bool


def written_model(source: str, out: Path, request: ModelRequest) -> str:
    """Write the model; gives what to print.

    Raises
    ------
    ConfigError
        If there is a bar and no card.
    """
    from multiprot.export import FidelityDemand, export_model

    if request.card is None and request.min_retained is not None:
        raise ConfigError(
            f"--min-retained {request.min_retained:g} is held against a fidelity card; give it "
            "with --card, or make one with `multiprot fidelity`"
        )
    demand = None
    if request.card is not None:
        demand = FidelityDemand(request.card, request.min_retained)
    done = export_model(source, out, request.to, demand=demand, overwrite=request.overwrite)
    return json.dumps(_as_json(done), indent=2) if request.as_json else _text(done)


def _as_json(done: ModelExport) -> dict[str, Any]:
    return {
        "out": str(done.path),
        "to": done.to,
        "width": done.width,
        "parameters": done.parameters,
        "bytes": done.size,
        "parity": asdict(done.parity),
    }


def _text(done: ModelExport) -> str:
    parity = done.parity
    path = str(done.path if done.to == "transformers" else done.path / "model.onnx")
    code = _READ[done.to.partition("-")[0]].format(path=json.dumps(path))
    return "\n".join(
        [
            f"{done.parameters:,} parameters, {done.width} numbers per vector, in {done.path} "
            f"({done.to}, {done.size:,} bytes)",
            f"differs from the student by at most {max(parity.tokens, parity.vectors):.1e}; lowest "
            f"cosine of a protein's vectors {parity.lowest_cosine:.6f}",
            f"next: python -c {shlex.quote(code)}",
        ]
    )
