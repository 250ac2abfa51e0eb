"""Which proteins are stored, and in which split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from multiprot.data.exclusion import Exclusion
from multiprot.data.sequences.options import SequenceBuildOptions
from multiprot.data.split_table import read_splits, sequence_digest
from multiprot.errors import DataError
from multiprot.proteins import ProteinRecord


class Choice:
    """Where each protein goes."""

    def __init__(self, options: SequenceBuildOptions) -> None:
        self._options = options
        self._places = {} if options.splits is None else read_splits(options.splits)
        self.exclusion = (
            None
            if options.exclude is None
            else Exclusion.read(options.exclude, options.exclude_tasks)
        )
        self.left_out: Counter[str] = Counter()
        self._seen: set[bytes] = set()
        self._valid: set[bytes] = set()
        self._barred: set[bytes] = set()
        self._tables: list[tuple[Path, Collection[str]]] = []
        if options.splits is not None:
            self._tables.append((options.splits, self._places))
        if self.exclusion is not None:
            self._tables.append((self.exclusion.path, self.exclusion.of_protein))
        self._unused = {path for path, _ in self._tables}

    def hold_out(self, records: Iterable[ProteinRecord]) -> None:
        """Take note of sequences that must not be stored elsewhere under another name."""
        if not self._tables:
            return
        for record in records:
            if self._is_barred(record.id):
                self._barred.add(sequence_digest(record.sequence))
            elif self._split(record.id) == "valid":
                self._valid.add(sequence_digest(record.sequence))

    def split_of(self, record: ProteinRecord) -> str | None:
        """The split that a protein is stored in, or None."""
        if self._unused:
            self._unused -= {path for path, names in self._tables if record.id in names}
        split, digest = self._split(record.id), sequence_digest(record.sequence)
        reason = self._reason(record, split, digest)
        if reason is not None:
            self.left_out[reason] += 1
            return None
        self._seen.add(digest)
        return split

    def refuse_unused(self) -> None:
        """A table that names no protein is one of other ids: test proteins would be trained on."""
        for path in sorted(self._unused):
            raise DataError(
                f"{path}: names none of the proteins; write ids as in the FASTA files (the first "
                "word after '>'), or leave the table out"
            )

    def account(self) -> dict[str, Any]:
        """What was left out and why, for the manifest."""
        return {
            "left_out": dict(sorted(self.left_out.items())),
            "exclusion": None if self.exclusion is None else self.exclusion.summary(),
            "options": self._options.model_dump(mode="json"),
        }

    def _is_barred(self, name: str) -> bool:
        excluded = self.exclusion is not None and name in self.exclusion.of_protein
        return excluded or self._split(name) == "test"

    def _split(self, name: str) -> str:
        place = self._places.get(name)
        return "train" if place is None else place.split

    def _reason(self, record: ProteinRecord, split: str, digest: bytes) -> str | None:
        if self.exclusion is not None and self.exclusion.leaves_out(record.id, split):
            return "excluded"
        if split == "test":
            return "test split"
        if digest in self._barred:
            return "same sequence as an excluded or test protein"
        if split == "train" and digest in self._valid:
            return "same sequence as a valid protein"
        if digest in self._seen:
            return "same sequence as an earlier one"
        if len(record) < self._options.shortest:
            return f"shorter than {self._options.shortest} residues"
        # The first four bytes, as a share of all there are.
        if split == "train" and int.from_bytes(digest[:4]) >= self._options.share * 2**32:
            return "not in the share"
        return None
