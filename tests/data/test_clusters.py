from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.data.clusters import assign_splits, cluster_sequences, require_clustering
from multiprot.data.synthetic import SyntheticOptions, synthetic_records
from multiprot.errors import DataError
from multiprot.proteins import ProteinRecord

LETTERS = np.array(list("ACDEFGHIKLMNPQRSTVWY"))
mmseqs = pytest.mark.skipif(shutil.which("mmseqs") is None, reason="mmseqs2 is not installed")


def test_equal_sequences_cluster_without_mmseqs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    sequences = ["MKT", "MKV", "MKT", "MKTA"]
    records = [ProteinRecord(id=f"p{i}", sequence=s) for i, s in enumerate(sequences)]
    clusters = cluster_sequences(records, 1.0, threads=1)
    assert clusters["p0"] == clusters["p2"]
    assert len(set(clusters.values())) == 3


def test_without_mmseqs_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DataError, match=r"0\.3 .* needs mmseqs2.*apt-get install mmseqs2"):
        require_clustering(0.3)
    with pytest.raises(DataError, match="needs mmseqs2"):
        cluster_sequences([], 0.3, threads=1)
    require_clustering(1.0)


def fake_mmseqs(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "mmseqs"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_what_mmseqs_finds_comes_back_by_our_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_mmseqs(tmp_path, r"printf 'p0\tp0\np0\tp2\np1\tp1\n' > found_cluster.tsv", monkeypatch)
    ids = ["sp|P1|X", "tr|Q2|Y", "gnl|BL_ORD_ID|3"]
    records = [ProteinRecord(id=i, sequence="MKT") for i in ids]
    clusters = cluster_sequences(records, 0.5, threads=1)
    assert clusters == {ids[0]: ids[0], ids[2]: ids[0], ids[1]: ids[1]}


def test_a_failing_mmseqs_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_mmseqs(tmp_path, "echo first >&2; echo 'no space left' >&2; exit 3", monkeypatch)
    record = ProteinRecord(id="a", sequence="MKT")
    with pytest.raises(DataError, match="failed with code 3: no space left"):
        cluster_sequences([record], 0.5, threads=1)


def test_a_silent_mmseqs_that_writes_nothing_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_mmseqs(tmp_path, "exit 0", monkeypatch)
    record = ProteinRecord(id="a", sequence="MKT")
    with pytest.raises(DataError, match="no message"):
        cluster_sequences([record], 0.5, threads=1)


@mmseqs
@pytest.mark.long
def test_mmseqs_finds_families() -> None:
    options = SyntheticOptions(families=4, proteins_per_family=6, with_structure=0.0, with_go=0.0)
    records = [record for record, _ in synthetic_records(options)]
    clusters = cluster_sequences(records, 0.3, threads=1)
    assert set(clusters) == {record.id for record in records}
    families_of: dict[str, set[str]] = {}
    for protein, cluster in clusters.items():
        families_of.setdefault(cluster, set()).add(protein[:9])
    assert all(len(families) == 1 for families in families_of.values())
    assert len(families_of) <= 8


clusterings = st.dictionaries(
    st.integers(0, 500).map(str), st.integers(0, 40).map(str), min_size=40
)


@given(clusters=clusterings, seed=st.integers(0, 100))
@settings(max_examples=30, deadline=None)
def test_clusters_stay_whole_and_shares_are_not_exceeded(
    clusters: dict[str, str], seed: int
) -> None:
    if min(Counter(clusters.values()).values()) > 1:
        return  # perhaps no cluster fits: a test of its own
    splits = assign_splits(clusters, valid_share=0.2, test_share=0.1, seed=seed)
    assert splits.keys() == clusters.keys()
    homes: dict[str, set[str]] = {}
    for protein, cluster in clusters.items():
        homes.setdefault(cluster, set()).add(splits[protein])
    assert all(len(home) == 1 for home in homes.values())
    counts = Counter(splits.values())
    assert counts["test"] <= 0.1 * len(clusters)
    assert counts["valid"] <= 0.2 * len(clusters)


@given(clusters=clusterings, seed=st.integers(0, 100))
@settings(max_examples=30, deadline=None)
def test_singletons_fill_the_shares(clusters: dict[str, str], seed: int) -> None:
    alone = {protein: protein for protein in clusters}
    counts = Counter(assign_splits(alone, valid_share=0.2, test_share=0.1, seed=seed).values())
    assert counts["test"] == int(0.1 * len(alone))
    assert counts["valid"] == int(0.2 * len(alone))


def test_the_seed_alone_decides() -> None:
    clusters = {str(i): str(i // 2) for i in range(200)}
    shuffled = dict(reversed(clusters.items()))

    def assign(given: dict[str, str], seed: int) -> dict[str, str]:
        return assign_splits(given, valid_share=0.1, test_share=0.1, seed=seed)

    assert assign(clusters, 0) == assign(shuffled, 0)
    assert assign(clusters, 0) != assign(clusters, 1)


def test_a_share_that_no_cluster_fits_is_refused() -> None:
    clusters = {str(i): "one" for i in range(100)}
    with pytest.raises(DataError, match=r"100 proteins in 1 clusters: none fits into a test"):
        assign_splits(clusters, valid_share=0.0, test_share=0.1, seed=0)
    splits = assign_splits(clusters, valid_share=0.0, test_share=0.0, seed=0)
    assert set(splits.values()) == {"train"}
