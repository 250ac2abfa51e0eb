"""A student as an ONNX file whose matrices are INT8, for CPUs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from multiprot.errors import ExportError
from multiprot.export.libraries import export_library
from multiprot.export.onnx import MODEL, quiet, session, write_graph
from multiprot.export.parity import Parity, Runner
from multiprot.export.source import ExportSource
from multiprot.export.tokenizer import write_tokenizer

LOWEST_COSINE: Final = 0.98
"""A protein vector nearer than that to the student's is what INT8 has to give."""


def write_int8(folder: Path, source: ExportSource) -> Runner:
    """Write model.onnx with INT8 matrices, and the tokenizer; gives the model as it runs.

    Matrices are rounded per output channel when they are written, activations per batch when it
    runs (dynamic quantisation); norms, rotary positions and attention stay in float32.

    Raises
    ------
    ExportError
        If onnx, onnxscript or onnxruntime is not installed.
    """
    quantization = export_library("onnxruntime.quantization", "onnx")
    whole = folder / "float32.onnx"
    write_graph(whole, source)
    with quiet():
        quantization.quantize_dynamic(
            whole,
            folder / MODEL,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
        )
    whole.unlink()
    write_tokenizer(folder)
    return session(folder / MODEL)


def refuse_far(parity: Parity, what: str) -> None:
    """Raise if the vector of any trial protein points elsewhere than the student's.

    Raises
    ------
    ExportError
        With the cosine.
    """
    if not parity.lowest_cosine >= LOWEST_COSINE:
        raise ExportError(
            f"{what}: in INT8 a protein's vector has a cosine of {parity.lowest_cosine:.4f} with "
            f"the student's where {LOWEST_COSINE} is asked for, so nothing was written; export "
            "--to onnx instead"
        )
