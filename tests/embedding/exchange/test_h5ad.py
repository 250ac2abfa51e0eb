"""AnnData files: encoded as anndata's documentation says, and read by anndata itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from multiprot.embedding.exchange import export_store
from tests.embedding.exchange.stores import make_store, parquet_rows, proteins

ROOT = Path(__file__).parents[3]
IDS = ("P1", "Pfam/3-40", "Ä4", "p1", "NA")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("h5ad") / "store", proteins(IDS), chunk=2)


def encodings(path: Path) -> dict[str, Any]:
    """Path in the file -> encoding, its version, kind of numbers, names of attributes."""
    found = {}

    def visit(name: str, element: Any) -> None:
        attributes = [str(element.attrs[f"encoding-{key}"]) for key in ("type", "version")]
        is_data = isinstance(element, h5py.Dataset)
        found[name] = (*attributes, str(element.dtype) if is_data else "", *sorted(element.attrs))

    with h5py.File(path) as file:
        visit("", file)
        file.visititems(visit)
    return found


def test_rows_channels_and_model(store: Path, tmp_path: Path) -> None:
    export_store(store, tmp_path / "a.h5ad")
    rows = parquet_rows(store)
    with h5py.File(tmp_path / "a.h5ad") as file:
        obs, origin = file["obs"], file["uns/multiprot"]
        assert obs["id"].asstr()[:].tolist() == list(IDS)
        assert obs["sequence_hash"].asstr()[:].tolist() == [row["sequence_hash"] for row in rows]
        assert obs["length"][:].tolist() == [row["length"] for row in rows]
        assert obs["windows"][:].tolist() == [row["windows"] for row in rows]
        names = obs["modalities/categories"].asstr()[:]
        assert names[obs["modalities/codes"][:]].tolist() == [
            "+".join(row["modalities"]) for row in rows
        ]
        assert file["X"].dtype == np.float32
        assert file["var/channel"].asstr()[:].tolist() == [f"channel_{i}" for i in range(4)]
        assert (origin["model"].asstr()[()], origin["model_hash"].asstr()[()]) == ("tiny", "c0ffee")
        assert origin["width"][()] == 4


def run(*command: object) -> str:
    """What a command prints; the developer's own packages are not seen by it."""
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


READ = """
    import json, sys
    import anndata
    import numpy as np
    import pandas as pd

    made = anndata.read_h5ad(sys.argv[1])
    backed = anndata.read_h5ad(sys.argv[1], backed="r")
    np.testing.assert_array_equal(backed[made.obs_names[3]].X[:], made.X[3:4])
    print(json.dumps({
        "ids": list(made.obs_names), "dtype": str(made.X.dtype),
        "X": made.X.view(np.uint32).tolist(),
        "obs": {name: made.obs[name].tolist() for name in made.obs}, "uns": made.uns["multiprot"],
        "channels": list(made.var_names),
    }, default=lambda value: value.item()))
    again = anndata.AnnData(
        X=made.X,
        obs=pd.DataFrame(
            {name: pd.Categorical(made.obs[name]) if name == "modalities"
             else np.array(made.obs[name]) for name in made.obs},
            index=pd.Index(list(made.obs_names), name="id", dtype=object),
        ),
        var=pd.DataFrame(index=pd.Index(list(made.var_names), name="channel", dtype=object)),
        uns={"multiprot": dict(made.uns["multiprot"])},
    )
    again.write_h5ad(sys.argv[2])
    """


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", ["pinned", "oldest"])
def test_anndata_reads_it_and_writes_the_same(store: Path, tmp_path: Path, version: str) -> None:
    """In an environment of its own: anndata asks for an older pandas than the other tools do.

    What is compared is both the content, and how each element is encoded when anndata writes it.
    """
    python = tmp_path / "venv" / "bin" / "python"
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    wanted = {
        "pinned": ["-c", str(ROOT / "constraints.txt"), "anndata"],
        "oldest": ["anndata==0.10.8", "numpy<2.2", "pandas<2.3", "h5py<3.13", "zarr<3"],
    }[version]
    run(python, "-m", "pip", "install", "--quiet", *wanted)
    export_store(store, tmp_path / "a.h5ad")
    program = textwrap.dedent(READ)
    read = json.loads(run(python, "-c", program, tmp_path / "a.h5ad", tmp_path / "again.h5ad"))
    rows = parquet_rows(store)
    vectors = np.array([row["vector"] for row in rows], np.float32)
    assert read["ids"] == list(IDS)
    assert (read["dtype"], read["X"]) == ("float32", vectors.view(np.uint32).tolist())
    assert read["channels"] == [f"channel_{i}" for i in range(4)]
    assert list(read["obs"]) == ["sequence_hash", "length", "modalities", "windows"]
    assert read["obs"]["sequence_hash"] == [row["sequence_hash"] for row in rows]
    assert read["obs"]["length"] == [row["length"] for row in rows]
    assert read["obs"]["windows"] == [row["windows"] for row in rows]
    assert read["obs"]["modalities"] == ["+".join(row["modalities"]) for row in rows]
    assert read["uns"]["model"] == "tiny"
    assert encodings(tmp_path / "a.h5ad") == encodings(tmp_path / "again.h5ad")
