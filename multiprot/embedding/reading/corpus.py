"""Rows of a corpus."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from multiprot.data.corpus import Corpus
from multiprot.data.corpus_format import FORMAT, MANIFEST
from multiprot.embedding.reading.rows import InputRow
from multiprot.errors import DataError
from multiprot.proteins import ProteinRecord

_ROWS_AT_ONCE: Final = 256
_CACHE_BYTES: Final = 1 << 26
"""Rows are read in order, so that a row group that was left is not needed again."""


@dataclass(frozen=True, slots=True)
class CorpusRows:
    """A corpus to read from its first to its last row."""

    corpus: Corpus

    @property
    def units(self) -> int:
        """What it counts as a whole."""
        return int(self.corpus.lengths.sum())

    def rows(self, before: int) -> Iterator[InputRow]:
        """Its records; `before` is what was consumed before them."""
        source = str(self.corpus.path)
        for start in range(0, len(self.corpus), _ROWS_AT_ONCE):
            rows = range(start, min(start + _ROWS_AT_ONCE, len(self.corpus)))
            for row, found in zip(rows, self._read(rows), strict=True):
                before += int(self.corpus.lengths[row])
                if isinstance(found, str):
                    yield InputRow(self.corpus.ids[row], source, None, found, before)
                else:
                    yield InputRow(found.id, source, found, None, before)

    def _read(self, rows: range) -> Iterable[ProteinRecord | str]:
        try:
            return self.corpus.read(rows)
        except DataError:
            return map(self._read_one, rows)

    def _read_one(self, row: int) -> ProteinRecord | str:
        try:
            (record,) = self.corpus.read([row])
        except DataError as error:
            return str(error)
        return record


def open_corpus(folder: Path) -> CorpusRows | None:
    """The corpus in a folder, or None if the folder does not call itself one.

    Raises
    ------
    DataError
        If it does and is none, or is incomplete.
    """
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return None
    return CorpusRows(Corpus.open(folder, cache_bytes=_CACHE_BYTES))
