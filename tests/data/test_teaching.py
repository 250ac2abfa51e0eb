"""What teachers made of proteins, cut and masked as the batch is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from multiprot.data import BatchConfig, Collator
from multiprot.data.targets import BatchTargets
from multiprot.data.teaching import Answer, teachings
from multiprot.data.token_cache.reader import Excerpt
from multiprot.encoders.contract import Taught
from multiprot.proteins import ProteinRecord

WIDTH, TOKEN_WIDTH = 3, 2
RECORDS = [
    ProteinRecord(id="short", sequence="ACDEF"),
    ProteinRecord(id="strange", sequence="WWWW"),
    ProteinRecord(id="long", sequence="ACDEFGHIKLMN"),
]


@dataclass(frozen=True)
class Fake:
    """Knows all but tryptophans; a residue's token says where it stands in the whole protein."""

    width: int = WIDTH
    token_width: int = TOKEN_WIDTH
    teaches_crops: bool = False

    def answers(self, records: Sequence[ProteinRecord]) -> list[Answer | None]:
        return [self._answer(each) for each in records]

    def _answer(self, record: ProteinRecord) -> Answer | None:
        if "W" in record.sequence:
            return None
        places = np.arange(len(record), dtype=np.float32)
        tokens = np.repeat(places[:, None], TOKEN_WIDTH, axis=1)
        tokens[1] = np.nan
        return Answer(np.full(WIDTH, len(record), np.float32), tokens if self.token_width else None)


def taught(teacher: Fake, excerpts: Sequence[Excerpt]) -> Taught:
    found = teachings({"fake": teacher}, excerpts)
    assert found is not None
    return found["fake"]


def excerpts(start: int = 3, stop: int = 8) -> list[Excerpt]:
    short, strange, long = RECORDS
    return [Excerpt(short, 0, 5), Excerpt(strange, 0, 4), Excerpt(long, start, stop)]


def test_unknown_and_cut_proteins_teach_no_vector() -> None:
    found = taught(Fake(), excerpts())
    assert found.known.tolist() == [True, False, False]
    assert found.vectors.tolist() == [[5.0] * WIDTH, [0.0] * WIDTH, [0.0] * WIDTH]


def test_a_crop_may_be_taught_the_whole_proteins_vector() -> None:
    found = taught(Fake(teaches_crops=True), excerpts())
    assert found.known.tolist() == [True, False, True]
    assert found.vectors[2].tolist() == [12.0] * WIDTH


def test_tokens_are_cut_as_the_crop_cuts_and_missing_ones_are_masked() -> None:
    found = taught(Fake(), excerpts())
    assert found.tokens.shape == (3, 5, TOKEN_WIDTH)
    assert found.tokens_known.tolist() == [
        [True, False, True, True, True],
        [False] * 5,
        [True] * 5,
    ]
    assert found.tokens[2, :, 0].tolist() == [3.0, 4.0, 5.0, 6.0, 7.0]
    assert torch.isfinite(found.tokens).all()
    assert not found.tokens[~found.tokens_known].any()


def test_a_teacher_without_tokens_has_none_of_any_width() -> None:
    found = taught(replace(Fake(), token_width=0), excerpts())
    assert found.tokens.shape == (3, 5, 0)
    assert not found.tokens_known.any()


@pytest.mark.parametrize("rows", [[0, 1, 2], [2, 0], [2]])
def test_company_changes_nothing(rows: list[int]) -> None:
    targets = BatchTargets(teachers={"fake": Fake()})
    collate = Collator(None, None, targets, BatchConfig(crop_residues=6), seed=4)
    batch = collate([RECORDS[row] for row in rows], np.array(rows), 5)
    whole = collate(RECORDS, np.arange(3), 5)
    assert batch.taught is not None
    assert whole.taught is not None
    found, expected = batch.taught["fake"], whole.taught["fake"]
    for place, row in enumerate(rows):
        residues = int(batch.residue_mask[place].sum())
        assert found.known[place] == expected.known[row]
        assert torch.equal(found.vectors[place], expected.vectors[row])
        assert torch.equal(found.tokens[place, :residues], expected.tokens[row, :residues])


def test_no_teachers_no_teachings() -> None:
    assert teachings({}, excerpts()) is None
