"""Whether an exported model says what its student says, of proteins in company and alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multiprot.encoders.reference.residue_transformer import ResidueTransformer
from multiprot.errors import ExportError
from multiprot.export.tokenizer import PAD_TOKEN
from multiprot.proteins import RESIDUE_LETTERS, residue_indices
from multiprot.student.model import packed_tokens

FloatArray: TypeAlias = NDArray[np.float32]

Runner: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64]], tuple[FloatArray, FloatArray]]
"""From input_ids and attention_mask, int64 [protein, residue], to tokens [protein, residue,
channel] and vectors [protein, channel]."""

_LENGTHS: Final = (1, 2, 19, 64, 150, 333)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How far an exported model is from its student.

    Attributes
    ----------
    tokens
        Largest difference of a residue token's channel.
    vectors
        Largest difference of a protein vector's channel.
    lowest_cosine, mean_cosine
        Of protein vectors with the student's.
    lowest_centred_cosine
        The same after the mean vector of the student's trial proteins was taken off both, which is
        the stricter look: vectors of proteins have much in common.
    proteins
        How many were compared.
    """

    tokens: float
    vectors: float
    lowest_cosine: float
    mean_cosine: float
    lowest_centred_cosine: float
    proteins: int


def trial_sequences() -> tuple[str, ...]:
    """Proteins of 1 to 333 residues, always the same; one holds every letter there is."""
    rng = np.random.default_rng(9)
    letters = np.array(list(RESIDUE_LETTERS))
    drawn = ["".join(rng.choice(letters[:20], size=length)) for length in _LENGTHS]
    return (*drawn, "X", RESIDUE_LETTERS * 3)


def compare(trunk: ResidueTransformer, run: Runner) -> Parity:
    """Differences between a student and what `run` makes of the same proteins.

    All trial proteins are run in one padded batch, and then each alone; the worst counts.

    Parameters
    ----------
    trunk
        The student's transformer, in float32.
    run
        The exported model.
    """
    sequences = trial_sequences()
    expected = student_tokens(trunk, sequences)
    means = np.stack([tokens.mean(axis=0) for tokens in expected])
    batches = [range(len(sequences)), *([n] for n in range(len(sequences)))]
    of_tokens, of_vectors, cosines, centred = [], [], [], []
    centre = means.mean(axis=0)
    for batch in batches:
        tokens, vectors = run(*padded([sequences[n] for n in batch]))
        for row, n in enumerate(batch):
            found = tokens[row, : len(sequences[n])]
            of_tokens.append(np.abs(found - expected[n]).max())
            of_vectors.append(np.abs(vectors[row] - means[n]).max())
            cosines.append(_cosine(vectors[row], means[n]))
            centred.append(_cosine(vectors[row] - centre, means[n] - centre))
    # numpy's own maximum and minimum: Python's pass over NaN.
    return Parity(
        tokens=float(np.max(of_tokens)),
        vectors=float(np.max(of_vectors)),
        lowest_cosine=float(np.min(cosines)),
        mean_cosine=float(np.mean(cosines)),
        lowest_centred_cosine=float(np.min(centred)),
        proteins=len(sequences),
    )


def refuse_beyond(parity: Parity, bar: float, what: str) -> None:
    """Raise if a difference is not a number, or larger than `bar`.

    Raises
    ------
    ExportError
        With the difference.
    """
    worst = float(np.max([parity.tokens, parity.vectors]))
    if not worst <= bar:
        raise ExportError(
            f"{what}: differs from the student by {worst:.2g} where {bar:.0e} is allowed, so "
            "nothing was written; try another version of the library, and report it"
        )


def student_tokens(trunk: ResidueTransformer, sequences: Sequence[str]) -> list[FloatArray]:
    """Tokens [residue, channel] of each protein, packed, as the student gives them."""
    letters = torch.from_numpy(np.concatenate([residue_indices(each) for each in sequences]))
    lengths = [len(each) for each in sequences]
    with torch.inference_mode():
        tokens: Tensor = packed_tokens(trunk, letters, torch.tensor(lengths))
    return [part.numpy() for part in torch.split(tokens, lengths)]


def padded(sequences: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """input_ids and attention_mask, int64 [protein, residue], as the tokenizer makes them."""
    longest = max(map(len, sequences))
    ids = np.full((len(sequences), longest), PAD_TOKEN, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = residue_indices(sequence)
        mask[row, : len(sequence)] = 1
    return ids, mask


def _cosine(one: FloatArray, other: FloatArray) -> float:
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / lengths) if lengths else float("nan")
