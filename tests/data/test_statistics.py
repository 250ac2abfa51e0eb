from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from multiprot.data import Corpus, residue_frequencies
from multiprot.errors import DataError
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord


def test_frequencies_are_counted_in_the_split_alone(
    corpus: Corpus, pairs: list[tuple[ProteinRecord, str]]
) -> None:
    for split in ("train", "test"):
        counts = Counter("".join(r.sequence for r, where in pairs if where == split))
        found = residue_frequencies(corpus, split)
        assert found.shape == (len(RESIDUE_LETTERS),)
        assert found.sum() == pytest.approx(1.0)
        for letter, share in zip(RESIDUE_LETTERS, found, strict=True):
            assert share == pytest.approx(counts[letter] / counts.total(), abs=1e-6)


def test_an_empty_split_is_refused(lengths_corpus: Callable[..., Corpus]) -> None:
    with pytest.raises(DataError, match="split 'test' is empty"):
        residue_frequencies(lengths_corpus([10]), "test")
