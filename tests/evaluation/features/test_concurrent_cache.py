"""Several processes may share a cache; each sequence is embedded by one of them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from multiprot.embedding import Embedder
from multiprot.evaluation.features.cache import VectorCache
from multiprot.evaluation.features.stored import stored_vectors

SEQUENCES = ["MKTAYIAKQR", "ACDEFGHIKL", "WWWWWWWWWW", "GGXBZKLMNP"]

SCRIPT = """
import sys
from pathlib import Path
from multiprot.embedding import Embedder
from multiprot.evaluation.features.cache import VectorCache
embedder = Embedder.open(sys.argv[1])
stores = VectorCache(Path(sys.argv[2])).completed(embedder, sys.argv[3:], residues=False)
print(sum(len(store) for store in stores))
"""


def started(bundle: Path, cache: Path, sequences: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(bundle), str(cache), *sequences]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.long
def test_two_processes_with_the_same_wish(tiny_bundle: Path, tmp_path: Path) -> None:
    processes = [started(tiny_bundle, tmp_path, SEQUENCES) for _ in range(2)]
    for process in processes:
        out, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        assert int(out) == len(SEQUENCES)
    stores = VectorCache(tmp_path).completed(Embedder.open(tiny_bundle), SEQUENCES, residues=False)
    assert [len(store) for store in stores] == [len(SEQUENCES)]


@pytest.mark.long
def test_two_processes_with_wishes_that_overlap(tiny_bundle: Path, tmp_path: Path) -> None:
    processes = [started(tiny_bundle, tmp_path, part) for part in (SEQUENCES[:3], SEQUENCES[1:])]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    embedder = Embedder.open(tiny_bundle)
    stores = VectorCache(tmp_path).completed(embedder, SEQUENCES, residues=False)
    assert sorted(len(store) for store in stores) == [1, 3]
    assert not np.isnan(stored_vectors(stores, SEQUENCES)).any()


@pytest.mark.long
def test_a_killed_process_leaves_no_lock_and_nothing_half_written(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    process = started(tiny_bundle, tmp_path, SEQUENCES)
    place = None
    while place is None and process.poll() is None:
        place = next(tmp_path.glob("*/.lock"), None)
    process.kill()
    process.communicate()
    embedder = Embedder.open(tiny_bundle)
    stores = VectorCache(tmp_path).completed(embedder, SEQUENCES, residues=False)
    assert not np.isnan(stored_vectors(stores, SEQUENCES)).any()
    assert sum(len(store) for store in stores) == len(SEQUENCES)


def test_a_sequence_that_nobody_asked_for_is_not_looked_up(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    embedder = Embedder.open(tiny_bundle)
    stores = VectorCache(tmp_path).completed(embedder, SEQUENCES[:2], residues=False)
    found = stored_vectors(stores, SEQUENCES[:3])
    assert np.isnan(found).any(axis=1).tolist() == [False, False, True]
