"""What a library that is not installed says, wherever it is first needed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multiprot.embedding.engines.ray_cluster import import_ray
from multiprot.embedding.exchange.hdf5_file import import_h5py
from multiprot.encoders.lora import LoraOptions, add_lora
from multiprot.errors import (
    ConfigError,
    EmbeddingError,
    EvaluationError,
    ExportError,
    FileFormatError,
    PluginError,
    ReportError,
    SearchError,
    TransferError,
)
from multiprot.evaluation.baselines.ligand import morgan_fingerprints
from multiprot.evaluation.calibration import import_scikit_learn
from multiprot.evaluation.probes.libraries import evaluation_library
from multiprot.export.libraries import export_library
from multiprot.optimal_transport.libraries import import_pot, import_sklearn
from multiprot.optional import optional_module
from multiprot.proteins.uniprot_text import read_uniprot_text
from multiprot.report.libraries import report_library
from multiprot.search.approximate import import_faiss
from multiprot.training.optim import build_optimizer
from multiprot.training.settings import LookaheadConfig, OptimizerConfig


def add_adapters() -> Any:
    from torch import nn

    return add_lora(nn.Sequential(nn.Linear(2, 2)), LoraOptions(rank=2), targets=["0"], owner="m")


def look_ahead() -> Any:
    from torch import nn

    return build_optimizer(nn.Linear(2, 2), OptimizerConfig(lookahead=LookaheadConfig()))


@pytest.mark.parametrize(
    ("module", "call", "error", "install"),
    [
        ("sklearn.isotonic", import_scikit_learn, EvaluationError, "'multiprot[evaluation]'"),
        ("sklearn", lambda: evaluation_library("sklearn"), EvaluationError, "[evaluation]'"),
        ("rdkit.Chem", lambda: morgan_fingerprints(["C"]), EvaluationError, "'multiprot[ligand]'"),
        ("ot", import_pot, TransferError, "'multiprot[transfer]'"),
        ("sklearn.svm", lambda: import_sklearn("svm"), TransferError, "'multiprot[transfer]'"),
        ("plotly", lambda: report_library("plotly"), ReportError, "'multiprot[report]'"),
        ("faiss", import_faiss, SearchError, "'multiprot[search]', or search exactly"),
        (
            "tokenizers",
            lambda: export_library("tokenizers", "transformers"),
            ExportError,
            "'multiprot[transformers]'",
        ),
        (
            "onnxruntime.quantization",
            lambda: export_library("onnxruntime.quantization", "onnx"),
            ExportError,
            "'multiprot[onnx]'",
        ),
        ("h5py", import_h5py, EmbeddingError, "'multiprot[hdf5]'"),
        ("ray.data", import_ray, EmbeddingError, "'multiprot[ray]'"),
        ("peft", add_adapters, PluginError, "peft"),
        (
            "Bio.SwissProt",
            lambda: read_uniprot_text(Path("entries.txt")),
            FileFormatError,
            "'multiprot[features]'",
        ),
        ("pytorch_optimizer", look_ahead, ConfigError, "set optimizer.lookahead to null"),
    ],
)
def test_the_error_names_the_extra(
    module: str,
    call: Callable[[], Any],
    error: type[Exception],
    install: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(error) as caught:
        call()
    assert f"({'import of ' + module} halted" in str(caught.value)
    assert str(caught.value).partition("; next: pip install ")[2].endswith(install)


def test_a_broken_library_is_told_with_its_fault(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_here.py").write_text("import there_is_no_such_thing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError, match=r"this needs it .*there_is_no_such_thing.*install 'x'"):
        optional_module("broken_here", "this needs it", "'x'", error=ValueError)


def test_a_library_that_is_there_is_given() -> None:
    assert optional_module("json.decoder", "", "", error=ValueError).JSONDecoder
