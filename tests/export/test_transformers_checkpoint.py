"""The checkpoint as its user has it: transformers alone, and what stands in its README."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.embedding import Embedder
from multiprot.errors import ExportError
from multiprot.export import ModelExport
from multiprot.export import transformers_checkpoint as checkpoint
from multiprot.proteins import ProteinRecord

pytest.importorskip("transformers")

Exported = Callable[[Any], ModelExport]

ALONE = """
import sys
sys.modules["multiprot"] = None  # importing it raises
{code}
import numpy
numpy.save("vectors.npy", vectors.detach().numpy())
print(type(model).__name__, type(model).__module__)
"""


def test_transformers_alone_does_what_the_readme_says(
    exported: Exported, student_folder: Path, tmp_path: Path
) -> None:
    """The README's own lines, in a process in which multiprot cannot be imported."""
    folder = exported("transformers").path
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    script = ALONE.format(code=code.replace('"."', repr(str(folder))))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        "ModernBertModel",
        "transformers.models.modernbert.modeling_modernbert",
    ]
    records = [ProteinRecord(id=s, sequence=s) for s in re.findall(r'"([A-Z]{3,})"', code)]
    expected = Embedder.open(f"student:{student_folder}").embed(records).vectors
    np.testing.assert_allclose(np.load(tmp_path / "vectors.npy"), expected, rtol=0, atol=1e-5)


def test_no_code_comes_with_it(exported: Exported) -> None:
    folder = exported("transformers").path
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
        *("README.md", "export.json"),
    }
    assert "auto_map" not in json.loads((folder / "config.json").read_text())


def test_gaps_that_transformers_would_fill_by_chance_are_refused(
    source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_a_gap(trunk: Any) -> Any:
        tensors = complete(trunk)
        del tensors["layers.1.attn.Wo.weight"]
        return tensors

    complete = checkpoint.modernbert_tensors
    monkeypatch.setattr(checkpoint, "modernbert_tensors", with_a_gap)
    with pytest.raises(ExportError, match=r"missing_keys: layers\.1\.attn\.Wo\.weight"):
        checkpoint.write_checkpoint(tmp_path, source)
