"""Records of all inputs with each id once, all ids in memory; until a plan on disk replaces it."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from multiprot.data.corpus import Corpus
from multiprot.data.corpus_format import FORMAT, MANIFEST
from multiprot.embedding.embeddings import Failure
from multiprot.errors import EmbeddingError, FileFormatError, MultiprotError
from multiprot.proteins import (
    FASTA_SUFFIXES,
    STRUCTURE_SUFFIXES,
    ProteinRecord,
    is_structure_file,
    read_fasta,
    read_structure_file,
)

STANDARD_INPUT: Final = "-"

_STDIN_NAME: Final = "standard input"
_COMPRESSION: Final = (".gz", ".xz")
_CORPUS_ROWS: Final = 256

OnFailure = Callable[[Failure], None]


@dataclass(frozen=True, slots=True)
class Found:
    """A record and where it comes from."""

    record: ProteinRecord
    source: str


def read_inputs(
    inputs: Sequence[str], on_failure: OnFailure | None = None
) -> Iterator[ProteinRecord]:
    """Records of all inputs, in the order given; a folder's files in the order of their names.

    Parameters
    ----------
    inputs
        FASTA files, structure files, folders of them (searched to any depth), corpus folders,
        or "-" for FASTA on standard input.
    on_failure
        Called with each file that cannot be read and each record whose id was used before; they
        are left out. None: raise.

    Raises
    ------
    MultiprotError
        At the first input that is missing, unreadable or holds no protein, or if an id occurs
        twice, naming both sources.
    """
    seen: dict[str, str] = {}
    for found in _found(inputs, on_failure):
        protein_id = found.record.id
        if protein_id not in seen:
            seen[protein_id] = found.source
            yield found.record
            continue
        error = EmbeddingError(
            f"id {protein_id!r} is in {seen[protein_id]} and again in {found.source}; rename one "
            "of the two, ids are what vectors are found by"
        )
        _report(error, protein_id, on_failure)


def _found(inputs: Sequence[str], on_failure: OnFailure | None) -> Iterator[Found]:
    if not inputs:
        raise EmbeddingError("no input; name FASTA files, structure files, folders or a corpus")
    for name in inputs:
        if name == STANDARD_INPUT:
            yield from _standard_input(on_failure)
        elif Path(name).is_dir():
            yield from _folder(Path(name), on_failure)
        else:
            yield from _file(Path(name), on_failure)


def _folder(folder: Path, on_failure: OnFailure | None) -> Iterator[Found]:
    if _is_corpus(folder):
        corpus = Corpus.open(folder)
        for start in range(0, len(corpus), _CORPUS_ROWS):
            rows = range(start, min(start + _CORPUS_ROWS, len(corpus)))
            for record in corpus.read(rows):
                yield Found(record, str(folder))
        return
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and _is_protein(path)]
    if not files:
        raise EmbeddingError(
            f"{folder}: holds no FASTA or structure file (known names: "
            f"{', '.join((*FASTA_SUFFIXES, *STRUCTURE_SUFFIXES))}, also with .gz or .xz) and is "
            "no corpus"
        )
    for path in files:
        yield from _file(path, on_failure)


def _file(path: Path, on_failure: OnFailure | None) -> Iterator[Found]:
    try:
        if is_structure_file(path):
            for reading in read_structure_file(path):
                yield Found(reading.record, str(path))
        else:
            for record in read_fasta(path, on_bad=_recorder(path, on_failure)):
                yield Found(record, str(path))
    except FileFormatError as error:
        _report(error, path.name, on_failure)


def _standard_input(on_failure: OnFailure | None) -> Iterator[Found]:
    """FASTA from a pipe, by way of the disk: compression is told by looking ahead."""
    with tempfile.TemporaryDirectory(prefix="multiprot-") as folder:
        path = Path(folder) / "standard-input.fasta"
        with path.open("wb") as handle:
            shutil.copyfileobj(sys.stdin.buffer, handle)
        try:
            for found in _file(path, _renamed(on_failure, path)):
                yield Found(found.record, _STDIN_NAME)
        except MultiprotError as error:
            raise type(error)(str(error).replace(str(path), _STDIN_NAME)) from None


def _renamed(on_failure: OnFailure | None, path: Path) -> OnFailure | None:
    if on_failure is None:
        return None
    return lambda failure: on_failure(
        Failure(
            failure.id.replace(path.name, _STDIN_NAME),
            failure.reason.replace(str(path), _STDIN_NAME),
        )
    )


def _recorder(path: Path, on_failure: OnFailure | None) -> Callable[[FileFormatError], None] | None:
    if on_failure is None:
        return None
    return lambda error: on_failure(Failure(path.name, str(error)))


def _report(error: MultiprotError, name: str, on_failure: OnFailure | None) -> None:
    if on_failure is None:
        raise error
    on_failure(Failure(name, str(error)))


def _is_protein(path: Path) -> bool:
    if any(part.startswith(".") for part in path.parts[-1:]):
        return False
    plain = path.with_suffix("") if path.suffix in _COMPRESSION else path
    return is_structure_file(path) or plain.suffix.lower() in FASTA_SUFFIXES


def _is_corpus(folder: Path) -> bool:
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("format") == FORMAT
