"""FASTA files to memory-mapped residues."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from multiprot.data.sequences.choice import Choice
from multiprot.data.sequences.five_bits import BITS
from multiprot.data.sequences.options import SequenceBuildOptions
from multiprot.data.sequences.shards import FORMAT, FORMAT_VERSION, MANIFEST, SequenceShards
from multiprot.data.sequences.writer import ShardWriter
from multiprot.errors import DataError
from multiprot.files import atomic_folder, sha256
from multiprot.proteins import ProteinRecord, read_fasta, residue_indices

_KEPT: Final = ("train", "valid")

OnRead = Callable[[int], None]
"""Called with the number of proteins read so far."""


def build_sequences(
    inputs: Sequence[Path],
    options: SequenceBuildOptions,
    out: Path,
    *,
    overwrite: bool = False,
    on_read: OnRead = lambda count: None,
) -> SequenceShards:
    """Store the proteins of FASTA files, each sequence once, for training.

    A sequence that is excluded or in the test split is not stored, and one in the valid split not
    trained on, under whatever name and in whatever file it stands.

    Parameters
    ----------
    inputs
        FASTA files, in any order.
    options
        What is kept.
    out
        Folder to make.
    overwrite
        Replace it.
    on_read
        Told how far it is.

    Raises
    ------
    FileFormatError
        If a file cannot be read.
    DataError
        If nothing is left to train on, the exclusion list does not know a task, a list or table
        names none of the proteins, or `out` would take an input's place.
    OutputExistsError
        If `out` holds something and `overwrite` is not given.
    """
    _refuse_own_inputs(inputs, options, out)
    choice = Choice(options)
    with atomic_folder(out, overwrite=overwrite) as folder:
        writers = {name: ShardWriter(folder, name, options) for name in _KEPT}
        choice.hold_out(_records(inputs))
        for read, record in enumerate(_records(inputs), 1):
            split = choice.split_of(record)
            if split is not None:
                writers[split].add(residue_indices(record.sequence).astype(np.uint8))
            if read % 1000 == 0:
                on_read(read)
        choice.refuse_unused()
        splits = {name: writer.finish() for name, writer in writers.items()}
        if not splits["train"]["proteins"]:
            raise DataError(
                f"{', '.join(map(str, inputs))}: nothing is left to train on; left out: "
                f"{dict(choice.left_out)}"
            )
        manifest = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "content_hash": _joined_hash(writers),
            "bits": BITS if options.five_bits else 8,
            "splits": splits,
            **choice.account(),
            "inputs": [{"file": path.name, "sha256": sha256(path)} for path in inputs],
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return SequenceShards.open(out)


def _refuse_own_inputs(inputs: Sequence[Path], options: SequenceBuildOptions, out: Path) -> None:
    """What is overwritten must not be what is read."""
    for path in (*inputs, options.splits, options.exclude):
        if path is not None and path.resolve().is_relative_to(out.resolve()):
            raise DataError(f"{out}: {path} would be overwritten, an input; choose another output")


def _records(inputs: Sequence[Path]) -> Iterator[ProteinRecord]:
    for path in inputs:
        # Of an id that comes twice the sequences decide: equal ones are stored once.
        yield from read_fasta(path, on_duplicate="keep")


def _joined_hash(writers: Mapping[str, ShardWriter]) -> str:
    parts = [f"{name} {writer.content_hash}" for name, writer in sorted(writers.items())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
