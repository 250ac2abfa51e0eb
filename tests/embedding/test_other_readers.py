"""A store is read by pandas, polars, DuckDB and datasets, without multiprot."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from multiprot.embedding import Embedder, EmbeddingStore, EmbedOptions, RunSettings, embed_to_store
from multiprot.proteins import ProteinRecord, write_fasta

READERS = {
    "pandas": """
        import pandas
        table = pandas.read_parquet(store)
        rows = [(r.id, r.sequence_hash, int(r.length), list(r.vector)) for r in table.itertuples()]
        residues = [len(cell) for cell in table["residues"]]
    """,
    "polars": """
        import polars
        table = polars.read_parquet(f"{store}/*.parquet")
        rows = list(zip(table["id"], table["sequence_hash"], table["length"],
                        table["vector"].to_list()))
        residues = table["residues"].list.len().to_list()
    """,
    "duckdb": """
        import duckdb
        found = duckdb.sql(f"select id, sequence_hash, length, vector, len(residues) "
                           f"from '{store}/*.parquet'").fetchall()
        rows = [row[:4] for row in found]
        residues = [row[4] for row in found]
    """,
    "datasets": """
        import datasets
        table = datasets.load_dataset("parquet", data_files=f"{store}/*.parquet", split="train",
                                      cache_dir=cache)
        rows = [(r["id"], r["sequence_hash"], r["length"], r["vector"]) for r in table]
        residues = [len(r["residues"]) for r in table]
    """,
}

BEGIN = """
    import json, sys
    class Refuse:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] == "multiprot":
                raise ModuleNotFoundError(name)
    sys.meta_path.insert(0, Refuse())
    store, cache = sys.argv[1:]
"""

END = """
    plain = [[i, h, n, [float(x) for x in v]] for i, h, n, v in rows]
    print(json.dumps([plain, residues]))
"""


@pytest.fixture(scope="module")
def store(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_bundle: Path,
    tiny_records: tuple[ProteinRecord, ...],
) -> EmbeddingStore:
    folder = tmp_path_factory.mktemp("readers")
    write_fasta(tiny_records, folder / "in.fasta")
    embedder = Embedder.from_bundle(tiny_bundle, options=EmbedOptions(shard_residues=400))
    settings = RunSettings(residues=True)
    embed_to_store([str(folder / "in.fasta")], embedder, folder / "store", settings)
    return EmbeddingStore.open(folder / "store")


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_finds_every_row_in_order(
    reader: str, store: EmbeddingStore, tmp_path: Path
) -> None:
    code = "".join(textwrap.dedent(part) for part in (BEGIN, READERS[reader], END))
    found = subprocess.run(
        [sys.executable, "-c", code, str(store.folder), str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    )
    rows, residues = json.loads(found.stdout.splitlines()[-1])
    assert len(store.manifest["shards"]) > 1
    assert [row[0] for row in rows] == list(store.ids)
    assert [row[2] for row in rows] == store.lengths.tolist()
    assert residues == store.lengths.tolist()
    np.testing.assert_array_equal(np.float32([row[3] for row in rows]), store.vectors())
    assert [row[1] for row in rows] == [protein.sequence_hash for protein in store]
