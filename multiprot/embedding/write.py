"""From inputs to an embedding store on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from multiprot.embedding.embedder import Embedder
from multiprot.embedding.embeddings import Failure
from multiprot.embedding.reading import read_inputs
from multiprot.embedding.store_writer import create_store

_POOLING: Final = {
    "protein": "attention pooling of the fused residue tokens, with the means of each modality's "
    "tokens and the length; there are no special tokens",
    "shared": "the protein vector projected into the space shared with GO terms, unit length",
}


@dataclass(frozen=True, slots=True)
class EmbedSummary:
    """What an embedding run did.

    Attributes
    ----------
    path
        The store.
    proteins, width
        Shape of the vectors.
    modalities
        Proteins by what their vector was made of: "sequence", "sequence+structure", "structure".
    windowed
        Proteins embedded in several windows.
    failures
        What was left out, and why.
    seconds
        Time for reading, embedding and writing, without loading the model.
    """

    path: Path
    proteins: int
    width: int
    modalities: Mapping[str, int]
    windowed: int
    failures: tuple[Failure, ...]
    seconds: float


def embed_to_store(
    inputs: Sequence[str],
    embedder: Embedder,
    out: Path,
    *,
    residues: bool = False,
    skip_bad: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[int], None] = lambda proteins: None,
) -> EmbedSummary:
    """Embed all proteins of `inputs` into a store that is whole or absent.

    Parameters
    ----------
    inputs
        As `read_inputs` takes them.
    embedder
        The model.
    out
        Folder to make.
    residues
        Whether to store residue matrices too.
    skip_bad
        Leave out files and proteins that cannot be used, and list them in the manifest, instead
        of stopping at the first.
    overwrite
        Replace what lies at `out`.
    on_progress
        Called with the number of proteins written so far.

    Raises
    ------
    MultiprotError
        At the first unusable file or protein, unless `skip_bad`; if none is left; if `out` holds
        anything, unless `overwrite`.
    """
    failures: list[Failure] = []
    on_failure = failures.append if skip_bad else None
    start = time.perf_counter()
    with create_store(out, width=embedder.width, residues=residues, overwrite=overwrite) as writer:
        records = read_inputs(inputs, on_failure)
        for chunk in embedder.stream(records, residues=residues, on_failure=on_failure):
            writer.write(chunk)
            on_progress(writer.proteins)
        writer.finish(_header(embedder, inputs), failures)
    return EmbedSummary(
        path=out,
        proteins=writer.proteins,
        width=embedder.width,
        modalities=dict(sorted(writer.modalities.items())),
        windowed=writer.windowed,
        failures=tuple(failures),
        seconds=time.perf_counter() - start,
    )


def _header(embedder: Embedder, inputs: Sequence[str]) -> dict[str, Any]:
    bundle, options = embedder.bundle, embedder.options
    return {
        "multiprot_version": version("multiprot"),
        "model": {
            "name": bundle.name,
            "folder": bundle.path.resolve().name,
            "content_hash": bundle.content_hash,
            "warnings": list(bundle.warnings),
        },
        "space": options.space,
        "pooling": _POOLING[options.space],
        "max_residues": embedder.max_residues,
        "options": options.model_dump(mode="json"),
        "device": str(embedder.device),
        "inputs": list(inputs),
    }
