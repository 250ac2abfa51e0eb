"""The proteins that student and teachers are compared on: read, each sequence once, put on disk."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from multiprot.data.corpus_writer import CorpusWriter
from multiprot.embedding import InputReader
from multiprot.embedding.identity import record_digest
from multiprot.errors import FidelityError
from multiprot.files import atomic_folder
from multiprot.proteins import ProteinRecord

LEAST_PROTEINS: Final = 8
"""Fewer cannot be cut into halves on which anything could be learnt."""

_SHORT: Final = 16
"""Hex digits of a hash in a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProteinSet:
    """Proteins of different sequences.

    Attributes
    ----------
    records
        In the order of their sequences' hashes, which is random to all that matters: any first
        part of them is a fair sample.
    given
        Records and files that were read.
    repeated
        Records with a sequence that an earlier one has; they are left out, as a student that sees
        sequences alone cannot tell them apart.
    unread
        Id and reason of each that could not be read.
    surplus
        Further ones that were left out, as there were more than asked for.
    """

    records: tuple[ProteinRecord, ...]
    given: int
    repeated: int
    unread: tuple[tuple[str, str], ...]
    surplus: int

    @property
    def structures(self) -> int:
        """How many have a structure."""
        return sum(record.structure is not None for record in self.records)

    @property
    def residues(self) -> int:
        """Of all together."""
        return sum(map(len, self.records))

    def first_residues(self, most: int) -> tuple[ProteinRecord, ...]:
        """As many of the first proteins as have no more than `most` residues, eight at least."""
        chosen, size = list[ProteinRecord](), 0
        for record in self.records:
            size += len(record)
            if size > most and len(chosen) >= LEAST_PROTEINS:
                break
            chosen.append(record)
        return tuple(chosen)


def read_proteins(inputs: Sequence[str], most: int) -> ProteinSet:
    """All proteins of `inputs`, or a sample of `most` of them.

    Parameters
    ----------
    inputs
        FASTA files, structure files, folders of them, corpora, or "-".
    most
        How many to keep.

    Raises
    ------
    FidelityError
        If there are fewer than eight, or two different ones have the same id.
    MultiprotError
        If an input is missing.
    """
    unread: list[tuple[str, str]] = []
    given, seen = 0, set[bytes]()
    # A heap of the smallest hashes, the largest of them on top.
    kept: list[tuple[int, int, ProteinRecord]] = []
    with closing(InputReader(inputs)) as reader:
        for given, row in enumerate(reader.rows(), start=1):
            if row.record is None:
                unread.append((row.id, str(row.reason)))
                continue
            digest = hashlib.sha256(row.record.sequence.encode("ascii")).digest()
            if digest in seen:
                continue
            seen.add(digest)
            heapq.heappush(kept, (-int.from_bytes(digest), given, row.record))
            if len(kept) > most:
                heapq.heappop(kept)
    if len(kept) < LEAST_PROTEINS:
        reason = f": {unread[0][0]}: {unread[0][1]}" if unread else ""
        raise FidelityError(
            f"{', '.join(inputs)}: {len(kept)} different proteins to compare models on{reason}; "
            f"give {LEAST_PROTEINS} or more, in FASTA files, structures or a corpus"
        )
    records = tuple(record for _, _, record in sorted(kept, key=lambda entry: -entry[0]))
    _refuse_repeated_ids(records)
    return ProteinSet(
        records=records,
        given=given,
        repeated=given - len(unread) - len(seen),
        unread=tuple(unread),
        surplus=len(seen) - len(kept),
    )


def put_on_disk(records: Iterable[ProteinRecord], folder: Path) -> Path:
    """A corpus of the records in `folder`, named for their content; one that is there is taken."""
    chosen = tuple(records)
    corpus = folder / f"proteins-{content_hash(chosen)[:_SHORT]}"
    if corpus.is_dir():
        return corpus
    with atomic_folder(corpus) as partial:
        with CorpusWriter(partial) as writer:
            for record in chosen:
                writer.add(record, "test")
        writer.finish()
    return corpus


def content_hash(records: Iterable[ProteinRecord]) -> str:
    """SHA-256, in hex, of ids, sequences and structures."""
    digest = hashlib.sha256()
    for part in _parts(records):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _parts(records: Iterable[ProteinRecord]) -> Iterator[bytes]:
    for record in records:
        yield record.id.encode()
        yield record_digest(record, with_structure=True)


def _refuse_repeated_ids(records: Sequence[ProteinRecord]) -> None:
    seen = set[str]()
    for record in records:
        if record.id in seen:
            raise FidelityError(
                f"id {record.id!r} is given to two different sequences; ids must be unique"
            )
        seen.add(record.id)
