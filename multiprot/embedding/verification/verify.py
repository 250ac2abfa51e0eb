"""One protein, many companies: how far its vectors lie apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.data.corpus_writer import CorpusWriter
from multiprot.embedding.budget import TokenBudget
from multiprot.embedding.embedder import Embedder
from multiprot.embedding.embeddings import EmbeddedProtein
from multiprot.embedding.options import EmbedOptions
from multiprot.embedding.store import EmbeddingStore
from multiprot.embedding.write import RunSettings, embed_to_store
from multiprot.errors import EmbeddingError
from multiprot.proteins import ProteinRecord

TOLERANCES: Final[Mapping[str, float]] = {"fp32": 1e-5, "fp16": 5e-3, "bf16": 3e-2}
"""Largest difference that rounding may make, as a share of the largest number of a vector."""

Vectors = dict[str, EmbeddedProtein]


@dataclass(frozen=True, slots=True)
class Deviation:
    """What one change of company did.

    Attributes
    ----------
    company
        In words.
    proteins
        How many were compared.
    equal
        How many had the same bits, in their vector and in all residues.
    vectors, residues
        Largest difference to the protein alone, as a share of the largest number of the vector,
        or of the residue matrix.
    worst
        Id of the protein with the largest difference.
    """

    company: str
    proteins: int
    equal: int
    vectors: float
    residues: float
    worst: str

    @property
    def largest(self) -> float:
        """Of vectors and residues."""
        return max(self.vectors, self.residues)


@dataclass(frozen=True, slots=True)
class Verdict:
    """All deviations of a model on this machine.

    Attributes
    ----------
    deviations
        One for each company.
    tolerance
        What rounding may do in this precision.
    """

    deviations: tuple[Deviation, ...]
    tolerance: float

    @property
    def largest(self) -> float:
        """Of all."""
        return max(deviation.largest for deviation in self.deviations)

    @property
    def holds(self) -> bool:
        """Whether vectors do not depend on their company."""
        return self.largest <= self.tolerance


def verify_model(
    embedder: Embedder,
    proteins: Sequence[ProteinRecord],
    strangers: Sequence[ProteinRecord],
    on_company: Callable[[str], None] = lambda company: None,
) -> Verdict:
    """Embed `proteins` alone and in every sort of company, and compare.

    Parameters
    ----------
    embedder
        The model.
    proteins
        Whose vectors are compared; those that the model cannot embed are left out.
    strangers
        Others to put beside them.
    on_company
        Called with each company before it is tried.

    Raises
    ------
    EmbeddingError
        If the model can embed none of them.
    """
    on_company("alone")
    alone = _each_alone(embedder, proteins)
    if not alone:
        raise EmbeddingError(
            f"not one of {len(proteins)} proteins can be embedded by {embedder.model.identity.name}"
        )
    usable = [record for record in proteins if record.id in alone]
    deviations = []
    for company, embed in _companies(embedder, usable, strangers).items():
        on_company(company)
        deviations.append(_compared(company, alone, embed()))
    return Verdict(tuple(deviations), TOLERANCES[embedder.options.precision])


def _companies(
    embedder: Embedder, records: Sequence[ProteinRecord], strangers: Sequence[ProteinRecord]
) -> dict[str, Callable[[], Vectors]]:
    apart = {record.id for record in records}
    others = [r if r.id not in apart else replace(r, id=f"stranger-{r.id}") for r in strangers]

    def budgeted(tokens: int, company: Sequence[ProteinRecord]) -> Callable[[], Vectors]:
        return lambda: _in_batches(embedder, tokens, company)

    return {
        "alone, again": lambda: _each_alone(embedder, records),
        "all in one batch": budgeted(10**9, records),
        "in the reverse order": budgeted(10**9, records[::-1]),
        "in small batches": budgeted(300, records),
        "in batches of 2,000 residues": budgeted(2_000, records),
        "among strangers": budgeted(10**9, [*others, *records]),
        "in a store that was resumed": lambda: _resumed(embedder, records),
    }


def _each_alone(embedder: Embedder, records: Sequence[ProteinRecord]) -> Vectors:
    found: Vectors = {}
    for record in records:
        (outcome,) = embedder.outcomes([record], residues=True)
        if isinstance(outcome, EmbeddedProtein):
            found[record.id] = outcome
    return found


def _in_batches(embedder: Embedder, tokens: int, records: Sequence[ProteinRecord]) -> Vectors:
    with _budget(embedder, tokens):
        outcomes = embedder.outcomes(records, residues=True)
    return {o.id: o for o in outcomes if isinstance(o, EmbeddedProtein)}


@contextmanager
def _budget(embedder: Embedder, tokens: int) -> Iterator[None]:
    kept = embedder.runner.budget
    embedder.runner.budget = TokenBudget(tokens, kept.quadratic_residues, kept.packed)
    try:
        yield
    finally:
        embedder.runner.budget = kept


def _resumed(embedder: Embedder, records: Sequence[ProteinRecord]) -> Vectors:
    """Through the disk, where one shard is lost and made again."""
    with TemporaryDirectory(prefix="multiprot-verify-") as scratch:
        corpus, out = Path(scratch) / "corpus", Path(scratch) / "store"
        corpus.mkdir()
        with CorpusWriter(corpus) as writer:
            for record in records:
                writer.add(record, "test")
            writer.finish()
        small = Embedder(embedder.model, _small_shards(embedder))
        settings = RunSettings(residues=True)
        embed_to_store([str(corpus)], small, out, settings)
        store = EmbeddingStore.open(out)
        (out / f"vectors-{len(store.manifest['shards']) // 2:05d}.parquet").write_bytes(b"lost")
        embed_to_store([str(corpus)], small, out, replace(settings, resume=True))
        return {protein.id: protein for protein in EmbeddingStore.open(out)}


def _small_shards(embedder: Embedder) -> EmbedOptions:
    return embedder.options.model_copy(update={"shard_residues": 800})


def _compared(company: str, alone: Vectors, found: Vectors) -> Deviation:
    apart: dict[str, tuple[float, float]] = {}
    equal = 0
    for protein_id, reference in alone.items():
        other = found.get(protein_id)
        if other is None:
            raise EmbeddingError(f"{protein_id}: has a vector alone, but none {company}")
        if reference.residues is None or other.residues is None:
            raise EmbeddingError(f"{protein_id}: has no residue matrix {company}")
        pairs = ((reference.vector, other.vector), (reference.residues, other.residues))
        vector, residues = (_apart(*pair) for pair in pairs)
        equal += all(np.array_equal(*pair, equal_nan=True) for pair in pairs)
        apart[protein_id] = (vector, residues)
    return Deviation(
        company=company,
        proteins=len(apart),
        equal=equal,
        vectors=max(vector for vector, _ in apart.values()),
        residues=max(residues for _, residues in apart.values()),
        worst=max(apart, key=lambda protein_id: max(apart[protein_id])),
    )


def _apart(reference: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Largest difference as a share of the largest number; infinite where one has none."""
    if not np.array_equal(np.isnan(reference), np.isnan(other)):
        return float("inf")
    scale = float(np.nanmax(np.abs(reference)))
    difference = float(np.nanmax(np.abs(reference - other)))
    return difference / scale if difference and scale else (float("inf") if difference else 0.0)
