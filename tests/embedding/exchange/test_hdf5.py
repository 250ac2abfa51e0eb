"""HDF5 as ProtTrans, UniProt and bio_embeddings have it."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from multiprot.embedding.exchange import ExportOptions, export_store
from multiprot.errors import EmbeddingError
from tests.embedding.exchange.stores import make_store, parquet_rows, proteins

IDS = ("sp|P12345|AATM_RABIT", "Ä2", "a%2Fb", "..", "..a")


def test_one_dataset_per_id_with_what_is_known_of_it(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", proteins(IDS, residues=True))
    export_store(store, tmp_path / "a.h5")
    export_store(store, tmp_path / "r.h5", ExportOptions(residues=True))
    for name, column in (("a.h5", "vector"), ("r.h5", "residues")):
        with h5py.File(tmp_path / name) as file:
            assert list(file) == list(IDS)
            for row in parquet_rows(store):
                dataset = file[row["id"]]
                assert dataset.dtype == np.float32
                np.testing.assert_array_equal(dataset, np.array(row[column], np.float32))
                assert dict(dataset.attrs) == {
                    "original_id": row["id"],
                    "sequence_hash": row["sequence_hash"],
                    "length": row["length"],
                    "modalities": "+".join(row["modalities"]),
                    "windows": row["windows"],
                    "model_hash": "c0ffee",
                }


def test_the_file_names_its_model(tmp_path: Path) -> None:
    export_store(make_store(tmp_path / "store", proteins(IDS)), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert (file.attrs["model"], file.attrs["model_hash"]) == ("tiny", "c0ffee")
        assert (file.attrs["space"], file.attrs["width"]) == ("protein", 4)


@pytest.mark.parametrize("bad", ["1433B_HUMAN/5-240", "/", ".", "a/"])
def test_an_id_never_becomes_a_group(tmp_path: Path, bad: str) -> None:
    store = make_store(tmp_path / "store", proteins([*IDS, bad, "a%b"]))
    with pytest.raises(
        EmbeddingError, match=rf"id '{bad}' cannot name an HDF5 dataset: .*--escape"
    ):
        export_store(store, tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()
    export_store(store, tmp_path / "a.h5", ExportOptions(escape_ids=True))
    with h5py.File(tmp_path / "a.h5") as file:
        assert all(isinstance(file[name], h5py.Dataset) for name in file)
        assert [file[name].attrs["original_id"] for name in file] == [*IDS, bad, "a%b"]
        assert "a%25b" in file
        assert "a%252Fb" in file


def test_a_missing_library_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(tmp_path / "store", proteins(IDS))
    monkeypatch.setitem(sys.modules, "h5py", None)
    for name in ("a.h5", "a.h5ad"):
        with pytest.raises(EmbeddingError, match=r"h5py .*; next: pip install 'multiprot\[hdf5\]'"):
            export_store(store, tmp_path / name)
    export_store(store, tmp_path / "a.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "store"]
