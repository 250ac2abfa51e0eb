"""A folder of structures, asked for by sequence."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from multiprot.data.mmseqs import WHERE_FROM, has_mmseqs
from multiprot.embedding.identity import combined_hash, record_digest, sequence_hash
from multiprot.errors import EvaluationError
from multiprot.evaluation.structures.chains import Chains, read_chains, resolved_residues
from multiprot.evaluation.structures.options import StructureOptions
from multiprot.evaluation.structures.similar import Aligned, aligned_chains, carried_over
from multiprot.proteins import BackboneStructure, ProteinRecord

_THREADS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Match:
    """A structure for a sequence.

    Attributes
    ----------
    structure
        A row for each residue of the sequence.
    source
        Id of the chain that it is of.
    same
        The chain's sequence is this one.
    identity
        Share of equal residues among those aligned.
    coverage
        Share of the sequence's residues that have coordinates.
    """

    structure: BackboneStructure
    source: str
    same: bool
    identity: float
    coverage: float


class StructureLibrary:
    """Structures of a folder, by the sequences of proteins.

    Which structure a sequence gets depends on the folder and the options, not on what else is
    asked for: the chain of the very same sequence if it covers enough, else of all aligned ones
    the one with most residues in place, then the most like, then the first by id.

    Parameters
    ----------
    folder
        As in `read_chains`.
    options
        What is taken for a protein's structure.

    Attributes
    ----------
    folder
        As given.
    chains
        What was read.

    Raises
    ------
    FileFormatError, DataError, EvaluationError
        As `read_chains`; also if similar chains are wanted and mmseqs2 is not installed.
    """

    def __init__(self, folder: Path, options: StructureOptions | None = None) -> None:
        self.folder = Path(folder)
        self._options = options or StructureOptions()
        if self._options.structure_identity < 1 and not has_mmseqs():
            raise EvaluationError(
                f"structure_identity {self._options.structure_identity:g}: needs mmseqs2, which is "
                f"not installed ({WHERE_FROM}); or leave it at 1, for chains of the very "
                "same sequence"
            )
        self.chains: Chains = read_chains(self.folder)
        self._known: dict[str, Match | None] = {}

    @classmethod
    def of(cls, options: StructureOptions) -> StructureLibrary | None:
        """The library that the options name; None where they name none."""
        return None if options.structures is None else cls(options.structures, options)

    @property
    def key(self) -> str:
        """SHA-256, in hex, of all that decides which structure a sequence gets."""
        records = self.chains.by_sequence.values()
        digests = sorted(record_digest(record, with_structure=True) for record in records)
        told = f"{self._options.structure_identity!r} {self._options.structure_coverage!r}"
        return hashlib.sha256(f"{combined_hash(digests)} {told}".encode()).hexdigest()

    def match(self, sequences: Iterable[str]) -> None:
        """Look for the structures of sequences, all at once, that will be asked for.

        Raises
        ------
        DataError
            If mmseqs2 fails.
        """
        new = [s for s in dict.fromkeys(sequences) if s not in self._known]
        found = {s: match for s in new if (match := self._same(s)) is not None}
        rest = [s for s in new if s not in found]
        if rest and self._options.structure_identity < 1:
            found |= self._similar(rest)
        self._known |= {s: found.get(s) for s in new}

    def get(self, sequence: str) -> Match | None:
        """What was found for a sequence; None: nothing.

        Raises
        ------
        EvaluationError
            If it was never looked for.
        """
        if sequence not in self._known:
            raise EvaluationError(
                f"{self.folder}: no structure was looked for of the sequence {sequence[:20]}…; "
                "call match first"
            )
        return self._known[sequence]

    def record(self, sequence: str) -> ProteinRecord:
        """A protein with the structure that was found for it, or none; its id is its hash."""
        match = self.get(sequence)
        bare = ProteinRecord(id=sequence_hash(sequence), sequence=sequence)
        return bare if match is None else replace(bare, structure=match.structure)

    def _same(self, sequence: str) -> Match | None:
        chain = self.chains.by_sequence.get(sequence)
        if chain is None or chain.structure is None:
            return None
        return self._covering(sequence, chain.structure, chain.id, None)

    def _similar(self, sequences: list[str]) -> dict[str, Match]:
        chains = list(self.chains.by_sequence.values())
        best: dict[str, Match] = {}
        for aligned in self._alignments(sequences, chains):
            sequence, chain = sequences[aligned.protein], chains[aligned.chain]
            if chain.structure is None:
                continue
            structure = carried_over(chain.structure, aligned, len(sequence))
            match = self._covering(sequence, structure, chain.id, aligned.identity)
            if match is not None and (sequence not in best or _better(match, best[sequence])):
                best[sequence] = match
        return best

    def _alignments(self, sequences: list[str], chains: list[ProteinRecord]) -> Iterator[Aligned]:
        return aligned_chains(
            sequences,
            [chain.sequence for chain in chains],
            self._options.structure_identity,
            threads=min(_THREADS, os.cpu_count() or 1),
        )

    def _covering(
        self, sequence: str, structure: BackboneStructure, source: str, identity: float | None
    ) -> Match | None:
        """A match, if enough residues have coordinates; no `identity`: of the same sequence."""
        coverage = resolved_residues(structure) / len(sequence)
        if coverage < self._options.structure_coverage:
            return None
        return Match(
            structure=structure,
            source=source,
            same=identity is None,
            identity=1.0 if identity is None else identity,
            coverage=coverage,
        )


def _better(one: Match, other: Match) -> bool:
    return (-one.coverage, -one.identity, one.source) < (
        -other.coverage,
        -other.identity,
        other.source,
    )
