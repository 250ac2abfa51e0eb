"""What any model must be compared with: label frequency, composition, alignment.

Each reference gives scores in 0..1, float64 [protein, term], for the proteins asked for.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from benchmarks.protein_go.task import GoTask
from multiprot.data import Corpus
from multiprot.proteins import AMINO_ACIDS, ProteinRecord, residue_indices, write_fasta

_PATIENCE = 2
_READ_CHUNK = 1024
"""Records fetched from the corpus at once."""


def label_frequency(task: GoTask, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Every protein gets each term's frequency among train proteins (CAFA's "naive")."""
    return np.tile(task.frequencies, (len(rows), 1))


def composition(sequence: str) -> NDArray[np.float64]:
    """Shares of the 20 amino acids and of the 400 dipeptides, and log length: float64 [421]."""
    letters = residue_indices(sequence)
    letters = np.where(letters < len(AMINO_ACIDS), letters, -1)
    single = np.bincount(letters[letters >= 0], minlength=20)
    pairs = (letters[:-1] * 20 + letters[1:])[(letters[:-1] >= 0) & (letters[1:] >= 0)]
    double = np.bincount(pairs, minlength=400)
    return np.concatenate(
        [single / max(single.sum(), 1), double / max(double.sum(), 1), [np.log(len(sequence))]]
    )


def composition_matrix(corpus: Corpus) -> NDArray[np.float32]:
    """`composition` of every protein of the corpus: float32 [protein, 421]."""
    rows = np.arange(len(corpus))
    return np.stack(
        [
            composition(record.sequence)
            for start in range(0, len(corpus), _READ_CHUNK)
            for record in corpus.read(rows[start : start + _READ_CHUNK])
        ],
        dtype=np.float32,
    )


def composition_mlp(
    task: GoTask, features: NDArray[np.float32], rows: NDArray[np.int64], seed: int
) -> NDArray[np.float64]:
    """Two hidden layers of 512 on `features` [protein of the corpus, 421].

    Trained until the log loss on the valid split has not fallen for `_PATIENCE` epochs; the scores
    are those of the best epoch. (The network's own early stopping counts a protein as right only
    if all its terms are, which is hardly ever so: it would stop at random.)
    """
    scaler = StandardScaler().fit(features[task.train])
    train, valid, asked = (scaler.transform(features[r]) for r in (task.train, task.valid, rows))
    truth, held_out = task.labels(task.train), task.labels(task.valid)
    network = MLPClassifier((512, 512), alpha=1e-3, batch_size=256, random_state=seed)
    best, lowest, waited = np.tile(task.frequencies, (len(rows), 1)), np.inf, 0
    while waited < _PATIENCE:
        network.partial_fit(train, truth, classes=np.arange(truth.shape[1]))
        loss = _log_loss(held_out, network.predict_proba(valid))
        waited = 0 if loss < lowest else waited + 1
        if not waited:
            best, lowest = network.predict_proba(asked), loss
    return np.asarray(best, dtype=np.float64)


def _log_loss(truth: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """Mean over all pairs of protein and term."""
    likelihood = np.where(truth, scores, 1 - scores)
    return float(-np.log(np.clip(likelihood, 1e-7, 1)).mean())


def alignment_hits(
    corpus: Corpus, queries: NDArray[np.int64], targets: NDArray[np.int64]
) -> list[tuple[int, int, float]] | None:
    """Sensitive mmseqs2 hits as (query row, target row, bit score); None where it is missing."""
    if shutil.which("mmseqs") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name, rows in (("query", queries), ("target", targets)):
            write_fasta(_numbered(corpus, rows), work / f"{name}.fasta")
        subprocess.run(
            ["mmseqs", "easy-search", "query.fasta", "target.fasta", "hits.tsv", "scratch",
             "-s", "7.5", "-e", "10", "--max-seqs", "300", "--format-output", "query,target,bits",
             "-v", "1"],
            cwd=work,
            check=True,
        )  # fmt: skip
        lines = (work / "hits.tsv").read_text().splitlines()
    hits = (line.split("\t") for line in lines)
    return [(int(query), int(target), float(bits)) for query, target, bits in hits]


def alignment_transfer(
    task: GoTask, hits: list[tuple[int, int, float]], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Bit-score-weighted share of each query's hits that carry the term.

    Source: the alignment part of DeepGOPlus (Kulmanov & Hoehndorf 2020). Proteins without a hit
    get the label frequency.
    """
    position = {int(row): at for at, row in enumerate(rows)}
    annotated = set(task.train.tolist())
    weighted = np.zeros((len(rows), len(task.terms)))
    total = np.zeros(len(rows))
    for query, target, bits in hits:
        if query in position and target in annotated:
            start, stop = task.truth.indptr[target : target + 2]
            weighted[position[query], task.truth.indices[start:stop]] += bits
            total[position[query]] += bits
    transferred = weighted / np.maximum(total, 1e-9)[:, None]
    return np.where(total[:, None] > 0, transferred, task.frequencies)


def _numbered(corpus: Corpus, rows: NDArray[np.int64]) -> Iterator[ProteinRecord]:
    """Records named by their corpus row: a row number survives every aligner's header parsing."""
    for start in range(0, len(rows), _READ_CHUNK):
        chunk = rows[start : start + _READ_CHUNK]
        for row, record in zip(chunk, corpus.read(chunk), strict=True):
            yield ProteinRecord(id=str(row), sequence=record.sequence)
