"""ONNX files: any number of proteins and residues, whatever they were traced with; INT8 near by."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.errors import ExportError
from multiprot.export import ExportSource, ModelExport
from multiprot.export.int8 import LOWEST_COSINE, refuse_far
from multiprot.export.onnx import BAR, INPUTS, OUTPUTS, session
from multiprot.export.parity import Parity, Runner, padded, student_tokens

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

Exported = Callable[[Any], ModelExport]


@pytest.fixture(scope="module")
def run(exported: Exported) -> Runner:
    return session(exported("onnx").path / "model.onnx")


@pytest.mark.parametrize(
    "lengths", [(1,), (2,), (700,), (1, 1, 1), (5, 1, 40), (9,) * 17, (333, 2, 64)]
)
def test_sizes_other_than_the_traced_ones(
    run: Runner, source: ExportSource, lengths: tuple[int, ...]
) -> None:
    sequences = [("MKTAYIAKQRXBZUO" * 50)[:length] for length in lengths]
    tokens, vectors = run(*padded(sequences))
    for row, expected in enumerate(student_tokens(source.trunk, sequences)):
        np.testing.assert_allclose(tokens[row, : len(expected)], expected, rtol=0, atol=BAR)
        np.testing.assert_allclose(vectors[row], expected.mean(axis=0), rtol=0, atol=BAR)
        assert not tokens[row, len(expected) :].any()


def test_what_stands_in_the_padding_does_not_matter(run: Runner) -> None:
    ids, mask = padded(["MKTAYIAKQR", "ACD"])
    other = np.where(mask == 1, ids, 3)
    for one, same in zip(run(ids, mask), run(other, mask), strict=True):
        np.testing.assert_array_equal(one, same)


def test_names_and_types_are_what_the_page_says(exported: Exported) -> None:
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(exported("onnx").path / "model.onnx").graph
    assert tuple(each.name for each in graph.input) == INPUTS
    assert tuple(each.name for each in graph.output) == OUTPUTS
    for each in graph.input:
        assert each.type.tensor_type.elem_type == onnx.TensorProto.INT64
        assert all(axis.dim_param for axis in each.type.tensor_type.shape.dim)


def test_int8_is_smaller_and_near(exported: Exported) -> None:
    whole, small = exported("onnx"), exported("onnx-int8")
    sizes = [(each.path / "model.onnx").stat().st_size for each in (whole, small)]
    assert sizes[1] < 0.4 * sizes[0]
    assert small.parity.lowest_cosine >= LOWEST_COSINE
    assert not (small.path / "float32.onnx").exists()


def test_int8_that_is_far_is_refused() -> None:
    far = Parity(
        tokens=1.0,
        vectors=1.0,
        lowest_cosine=0.5,
        mean_cosine=0.9,
        lowest_centred_cosine=0.1,
        proteins=8,
    )
    with pytest.raises(ExportError, match=r"m: in INT8 .* cosine of 0\.5000 .* --to onnx"):
        refuse_far(far, "m")


@pytest.mark.parametrize("to", ["onnx", "onnx-int8"])
def test_the_readme_runs_without_multiprot(exported: Exported, to: str) -> None:
    folder = exported(to).path
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    script = f"import sys\nsys.modules['multiprot'] = sys.modules['torch'] = None\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", f"{script}\nprint(vectors.shape)"],
        cwd=Path(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "(2, 128)\n"), done.stderr
