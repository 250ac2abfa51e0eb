"""Guesses from counts are those of a few plain lines, and a student's are those of its logits."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.residue_perplexity.__main__ import (
    by_counts,
    by_student,
    hidden_batches,
    perplexity,
)
from benchmarks.residue_perplexity.ngrams import CONTEXTS, letter_shares, triple_shares
from multiprot.data.sequences import SequenceBuildOptions, SequenceSplit, build_sequences
from multiprot.proteins import AMINO_ACIDS, ProteinRecord, write_fasta
from multiprot.student.config import StudentConfig
from multiprot.student.model import Student

SEQUENCES = ["ACDACDACDX", "A", "XX", "ACDEFGHIKL" * 3, "MKVXLMKV"]


@pytest.fixture
def split(tmp_path: Path) -> SequenceSplit:
    records = [ProteinRecord(id=f"p{n}", sequence=s) for n, s in enumerate(SEQUENCES)]
    write_fasta(records, tmp_path / "a.fasta")
    return build_sequences([tmp_path / "a.fasta"], SequenceBuildOptions(), tmp_path / "s").split(
        "train"
    )


def test_shares_of_letters(split: SequenceSplit) -> None:
    counts = Counter("".join(SEQUENCES))
    total = sum(counts[letter] for letter in AMINO_ACIDS)
    expected = [counts[letter] / total for letter in AMINO_ACIDS]
    np.testing.assert_allclose(letter_shares(split), expected)


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=list(CONTEXTS))
def test_shares_of_triples(split: SequenceSplit, context: tuple[int, int]) -> None:
    counts: Counter[str] = Counter()
    for sequence in SEQUENCES:
        for place in range(len(sequence)):
            beside = [place + shift for shift in context]
            if min(beside) >= 0 and max(beside) < len(sequence):
                triple = "".join(sequence[b] for b in beside) + sequence[place]
                if "X" not in triple:
                    counts[triple] += 1
    found = triple_shares(split, context, smoothing=2.0)
    shares = letter_shares(split)
    for first, second in (("A", "C"), ("M", "V"), ("K", "K")):
        total = sum(counts[first + second + x] for x in AMINO_ACIDS) + 2.0
        for number, letter in enumerate(AMINO_ACIDS):
            expected = (counts[first + second + letter] + 2.0 * shares[number]) / total
            row = found[AMINO_ACIDS.index(first), AMINO_ACIDS.index(second)]
            assert row[number] == pytest.approx(expected)
    np.testing.assert_allclose(found.sum(axis=2), 1.0)


def test_a_guess_from_counts_is_that_of_its_neighbours(split: SequenceSplit) -> None:
    batches = hidden_batches(split)
    assert len(batches) == 4  # of "XX" nothing can be hidden
    letters, triples = letter_shares(split), triple_shares(split, (-1, 1))
    losses = by_counts(letters, triples, (-1, 1), batches)
    for batch, found in zip(batches, losses, strict=True):
        whole = batch.letters.clone()
        whole[batch.hidden] = batch.targets
        for place, loss in zip(batch.hidden.tolist(), found, strict=True):
            here = int(whole[place])
            expected = letters[here]
            if 0 < place < len(whole) - 1 and max(whole[place - 1], whole[place + 1]) < 20:
                expected = triples[int(whole[place - 1]), int(whole[place + 1]), here]
            assert loss == pytest.approx(-np.log(expected))


def test_a_students_losses_are_cross_entropies(split: SequenceSplit) -> None:
    torch.manual_seed(0)
    student = Student(StudentConfig(width=64, layers=1)).eval()
    batches = hidden_batches(split)
    for batch, found in zip(batches, by_student(student, batches), strict=True):
        logits = student(batch.letters, batch.lengths)[batch.hidden]
        expected = torch.nn.functional.cross_entropy(logits, batch.targets, reduction="none")
        np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-5)


def test_a_fair_die_of_twenty_has_perplexity_twenty() -> None:
    losses = [np.full(count, np.log(20.0)) for count in (1, 5, 30)]
    told = perplexity(losses)
    assert told["low"] == pytest.approx(20)
    assert told["perplexity"] == pytest.approx(20)
    assert told["high"] == pytest.approx(20)
