"""Tokens of a sequence encoder that does not learn: computed once, kept in the run's folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from multiprot.bundle import Bundle
from multiprot.data import Corpus
from multiprot.data.corpus_writer import CorpusWriter
from multiprot.data.token_cache.encode import TokenSource
from multiprot.data.token_cache.fill import fill
from multiprot.data.token_cache.folder import TokenFolder
from multiprot.data.token_cache.identity import TokenIdentity
from multiprot.data.token_cache.inputs import InputHash
from multiprot.data.token_cache.reader import TokenReader
from multiprot.embedding.identity import combined_hash, sequence_hash
from multiprot.encoders.options import chosen_encoder
from multiprot.encoders.plugin import Modality
from multiprot.encoders.registry import Registry
from multiprot.files import atomic_folder
from multiprot.proteins import ProteinRecord


def kept_tokens(
    bundle: Bundle, sequences: Iterable[str], folder: Path, device: torch.device
) -> TokenReader | None:
    """Tokens of pieces that the encoder takes whole; None if it reads more than sequences.

    Parameters
    ----------
    bundle
        Its sequence encoder is left on the CPU, in use.
    sequences
        All that will be asked for.
    folder
        Where they are kept; what is there already is not computed again.
    device
        Where the encoder computes, in float32.

    Raises
    ------
    DataError
        If there is no room, or a token is not finite.
    """
    encoder, section = bundle.model.sequence, bundle.config.sequence
    if encoder is None or section is None:
        return None
    registry = Registry.discover()
    plugin, options = chosen_encoder(registry, Modality.SEQUENCE, section)
    if plugin.capabilities(options).requires - {"sequence"}:
        return None
    identity = TokenIdentity.of(registry, plugin, options, encoder, "fp32")
    source = TokenSource(
        encoder=encoder.eval(),
        identity=identity,
        inputs=InputHash(structure=False),
        max_residues=None,
        device=device,
    )
    corpus = _corpus(sorted(set(sequences)), folder)
    tokens = TokenFolder(folder, identity)
    fill(
        tokens,
        source,
        corpus,
        np.arange(len(corpus)),
        progress=lambda stage, done, total: None,
        say=lambda line: Console(stderr=True).print(line, highlight=False, soft_wrap=True),
    )
    return TokenReader(tokens, source.inputs)


def _corpus(sequences: Sequence[str], folder: Path) -> Corpus:
    """The pieces as a corpus, whose name follows from them."""
    told = combined_hash(sequence.encode("ascii") for sequence in sequences)
    path = folder / f"proteins-{told[:16]}"
    if not path.exists():
        with atomic_folder(path) as partial:
            with CorpusWriter(partial) as writer:
                for sequence in sequences:
                    record = ProteinRecord(id=sequence_hash(sequence), sequence=sequence)
                    writer.add(record, "train")
            writer.finish()
    return Corpus.open(path)
