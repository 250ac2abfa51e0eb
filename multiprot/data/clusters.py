"""Splits by clusters of similar sequences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from multiprot.data.mmseqs import WHERE_FROM, has_mmseqs, run_mmseqs
from multiprot.data.split_table import sequence_digest
from multiprot.errors import DataError
from multiprot.proteins import ProteinRecord, write_fasta

EXACT: Final = 1.0
"""Identity at which clusters are groups of equal sequences, found without mmseqs2."""

# As in the screens of published benchmarks: half of the shorter sequence must align. Connected
# components, not a set cover, and all against all in one step, not a cascade of representatives:
# no pair that the search finds then ends up in two clusters.
_MMSEQS_OPTIONS: Final = (
    *("-c", "0.5", "--cov-mode", "5", "-s", "7.5"),
    *("--cluster-mode", "1", "--single-step-clustering", "1"),
)


def require_clustering(identity: float) -> None:
    """Raise `DataError` unless clusters of this identity can be found on this machine."""
    if identity < EXACT and not has_mmseqs():
        raise DataError(
            f"splitting at {identity:g} sequence identity needs mmseqs2, which is not installed; "
            f"install the package mmseqs2 ({WHERE_FROM}), give --splits, or take "
            "--cluster-identity 1.0 (equal sequences)"
        )


def cluster_sequences(
    records: Iterable[ProteinRecord], identity: float, *, threads: int
) -> dict[str, str]:
    """Protein id -> name of its cluster.

    Parameters
    ----------
    records
        Ids and sequences.
    identity
        In (0, 1]. Below 1 by mmseqs2: pairs of at least this identity over at least half of the
        shorter sequence are linked, clusters are connected components.
    threads
        For mmseqs2; its clusters do not depend on it.

    Raises
    ------
    DataError
        If mmseqs2 is needed and missing, or fails.
    """
    require_clustering(identity)
    if identity >= EXACT:
        return {record.id: sequence_digest(record.sequence).hex() for record in records}
    with TemporaryDirectory(prefix="multiprot-clusters-") as folder:
        return _mmseqs(records, identity, threads, Path(folder))


def assign_splits(
    clusters: Mapping[str, str], *, valid_share: float, test_share: float, seed: int
) -> dict[str, str]:
    """Protein id -> split; whole clusters in random order fill test, then valid, then train.

    A cluster larger than what is still wanted goes to train, so that no share is exceeded.

    Raises
    ------
    DataError
        If no cluster is small enough for a split that was asked for.
    """
    members: defaultdict[str, list[str]] = defaultdict(list)
    for protein, cluster in clusters.items():
        members[cluster].append(protein)
    names = sorted(members)
    wanted = {"test": test_share, "valid": valid_share}
    room = {split: int(share * len(clusters)) for split, share in wanted.items()}
    splits: dict[str, str] = {}
    for number in np.random.default_rng(seed).permutation(len(names)):
        proteins = members[names[number]]
        split = next((s for s, left in room.items() if len(proteins) <= left), "train")
        if split in room:
            room[split] -= len(proteins)
        splits.update(dict.fromkeys(proteins, split))
    for split, share in wanted.items():
        if share and split not in splits.values():
            raise DataError(
                f"{len(clusters)} proteins in {len(names)} clusters: none fits into a {split} "
                f"split of {share:g}; raise the share or set it to 0"
            )
    return splits


def _mmseqs(
    records: Iterable[ProteinRecord], identity: float, threads: int, folder: Path
) -> dict[str, str]:
    # Ids of our own: mmseqs rewrites ids that look like those of UniProt or NCBI.
    ids: list[str] = []
    write_fasta(_renamed(records, ids), folder / "all.fasta")
    options = ("--min-seq-id", str(identity), *_MMSEQS_OPTIONS, "--threads", str(threads))
    table = run_mmseqs(
        ("easy-cluster", "all.fasta", "found", "scratch", *options), folder, "found_cluster.tsv"
    )
    pairs = (line.split("\t") for line in table.read_text(encoding="utf-8").splitlines())
    return {ids[int(member[1:])]: ids[int(centre[1:])] for centre, member in pairs}


def _renamed(records: Iterable[ProteinRecord], ids: list[str]) -> Iterable[ProteinRecord]:
    for number, record in enumerate(records):
        ids.append(record.id)
        yield ProteinRecord(id=f"p{number}", sequence=record.sequence)
