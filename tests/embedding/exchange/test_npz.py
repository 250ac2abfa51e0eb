"""npz: plain arrays, which numpy reads without pickle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from multiprot.embedding.exchange import ExportOptions, export_store
from multiprot.errors import EmbeddingError
from tests.embedding.exchange.stores import make_store, parquet_rows, proteins

IDS = ("P1", "sp|Q2|X_Y", "Pfam/3-40", "Ä4", "../5")


def test_columns_lie_beside_the_vectors(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", proteins(IDS))
    export_store(store, tmp_path / "a.npz")
    rows = parquet_rows(store)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        arrays = dict(archive)
        origin = json.loads(archive.zip.comment)
        # No date of today: the same rows give the same bytes on any day.
        assert {member.date_time[0] for member in archive.zip.infolist()} == {1980}
    assert {name: array.dtype.kind for name, array in arrays.items()} == {
        "ids": "U",
        "vectors": "f",
        "sequence_hashes": "U",
        "lengths": "i",
        "modalities": "U",
        "windows": "i",
    }
    assert arrays["ids"].tolist() == list(IDS)
    assert arrays["vectors"].dtype == np.float32
    assert arrays["sequence_hashes"].tolist() == [row["sequence_hash"] for row in rows]
    assert arrays["lengths"].tolist() == [row["length"] for row in rows]
    assert arrays["windows"].tolist() == [row["windows"] for row in rows]
    assert arrays["modalities"].tolist() == ["+".join(row["modalities"]) for row in rows]
    assert (origin["model"], origin["model_hash"]) == ("tiny", "c0ffee")


def test_residues_are_an_array_per_id_and_nothing_else(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", proteins(IDS, residues=True))
    export_store(store, tmp_path / "r.npz", ExportOptions(residues=True))
    with np.load(tmp_path / "r.npz", allow_pickle=False) as archive:
        assert archive.files == list(IDS)
        assert json.loads(archive.zip.comment)["model"] == "tiny"
        for row in parquet_rows(store):
            assert archive[row["id"]].shape == (row["length"], 4)


def test_many_ids_are_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiprot.embedding.exchange.npz._STRINGS_AT_ONCE", 2)
    names = [*IDS, "a" * 300, "b"]
    export_store(make_store(tmp_path / "store", proteins(names)), tmp_path / "a.npz")
    assert np.load(tmp_path / "a.npz")["ids"].tolist() == names


def test_ids_that_numpy_would_mix_up_are_refused(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", proteins(["b", "a.npy", "a"], residues=True))
    options = ExportOptions(residues=True)
    with pytest.raises(EmbeddingError, match=r"ids 'a' and 'a\.npy' are one name in npz"):
        export_store(store, tmp_path / "r.npz", options)
    alone = ExportOptions(residues=True, ids=["a.npy", "b"])
    export_store(store, tmp_path / "r.npz", alone)
    with np.load(tmp_path / "r.npz") as archive:
        assert archive.files == ["b", "a.npy"]
        row = parquet_rows(store)[1]
        np.testing.assert_array_equal(archive["a.npy"], np.array(row["residues"], np.float32))
    export_store(store, tmp_path / "a.npz")
