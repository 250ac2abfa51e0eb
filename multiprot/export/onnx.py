"""A student as an ONNX file with free numbers of proteins and residues."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from multiprot.export.libraries import export_library
from multiprot.export.padded_student import PaddedStudent
from multiprot.export.parity import FloatArray, Runner, padded
from multiprot.export.source import ExportSource
from multiprot.export.tokenizer import write_tokenizer

BAR: Final = 1e-4
"""Largest difference of any number from the student's."""

MODEL: Final = "model.onnx"
INPUTS: Final = ("input_ids", "attention_mask")
OUTPUTS: Final = ("last_hidden_state", "protein_vector")
_OPSET: Final = 18


def write_onnx(folder: Path, source: ExportSource) -> Runner:
    """Write model.onnx and the tokenizer; gives the model as ONNX Runtime runs it.

    Raises
    ------
    ExportError
        If onnx, onnxscript or onnxruntime is not installed.
    """
    write_graph(folder / MODEL, source)
    write_tokenizer(folder)
    return session(folder / MODEL)


def write_graph(path: Path, source: ExportSource) -> None:
    """Write the ONNX file alone.

    Raises
    ------
    ExportError
        If onnx or onnxscript is not installed.
    """
    for module in ("onnx", "onnxscript"):
        export_library(module, "onnx")
    # Two proteins of unlike length: a size of 1 would be taken for a constant.
    ids, mask = (torch.from_numpy(part) for part in padded(["MKTAYIAKQR", "ACD"]))
    axes = {0: torch.export.Dim("proteins"), 1: torch.export.Dim("residues")}
    with quiet():
        torch.onnx.export(
            PaddedStudent(source.trunk).eval(),
            (ids, mask),
            str(path),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_shapes=dict.fromkeys(INPUTS, axes),
            opset_version=_OPSET,
            external_data=False,
            dynamo=True,
            verbose=False,
        )


def session(path: Path, threads: int | None = None) -> Runner:
    """The model of an ONNX file on the CPU.

    Parameters
    ----------
    path
        The file.
    threads
        Of ONNX Runtime; by default as many as torch uses.

    Raises
    ------
    ExportError
        If onnxruntime is not installed.
    """
    runtime: Any = export_library("onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    opened = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
        tokens, vectors = opened.run(list(OUTPUTS), dict(zip(INPUTS, (ids, mask), strict=True)))
        return tokens, vectors

    return run


@contextmanager
def quiet() -> Iterator[None]:
    """Mute exporters, whose warnings are about their own insides."""
    former = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(former)
