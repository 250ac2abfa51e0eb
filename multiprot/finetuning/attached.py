"""Records as they are read, with structures for those that have none of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from multiprot.evaluation.structures import StructureLibrary
from multiprot.proteins import ProteinRecord

_AT_ONCE: Final = 4096


def with_structures(
    records: Iterable[ProteinRecord], library: StructureLibrary | None
) -> Iterator[ProteinRecord]:
    """The records in their order; a structure that a record has is kept.

    Parameters
    ----------
    records
        Read ahead by some thousands, so that structures are looked for together.
    library
        Where structures are found by sequence; None: records stay as they are.
    """
    remaining = iter(records)
    while library is not None and (part := list(islice(remaining, _AT_ONCE))):
        library.match(record.sequence for record in part if record.structure is None)
        for record in part:
            if record.structure is not None:
                yield record
            else:
                yield replace(record, structure=library.record(record.sequence).structure)
    yield from remaining
