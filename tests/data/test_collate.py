from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multiprot.data import BatchConfig, Collator, Corpus, GoLabels
from multiprot.data.collate import crop_bounds, pad_residues
from multiprot.data.go_sets import GoSets
from multiprot.data.targets import BatchTargets
from multiprot.encoders.contract import Layout, ProteinBatch
from multiprot.errors import DataError
from multiprot.proteins import RESIDUE_LETTERS, FeatureSpan, ProteinRecord

MakeConfig = Callable[..., BatchConfig]


@dataclass
class Seen:
    """Features that are the records themselves."""

    records: tuple[ProteinRecord, ...] = field(default=())

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        return self

    def pin_memory(self) -> Self:
        return self


class Look:
    """A featurizer that only looks."""

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> Seen:
        assert layout is Layout.PADDED
        return Seen(tuple(records))


def collate(
    corpus: Corpus, config: BatchConfig, rows: Sequence[int], step: int = 0, **options: Any
) -> ProteinBatch:
    parts = {"sequence": Look(), "structure": Look(), "labels": None, **options}
    targets = BatchTargets(labels=parts.pop("labels"))
    collator = Collator(parts.pop("sequence"), parts.pop("structure"), targets, config, **parts)
    return collator(corpus.read(rows), np.array(rows), step)


def seen(batch: ProteinBatch, modality: str = "structure") -> tuple[ProteinRecord, ...]:
    records: tuple[ProteinRecord, ...] = getattr(batch, modality).records
    return records


def test_without_dropout_everything_arrives(corpus: Corpus, plain_batches: MakeConfig) -> None:
    rows = list(range(len(corpus)))
    batch = collate(corpus, plain_batches(), rows)
    assert batch.ids == corpus.ids
    assert seen(batch) == seen(batch, "sequence") == tuple(corpus.read(rows))
    assert batch.has_sequence.all()
    assert batch.has_structure.tolist() == corpus.has_structure.tolist()


def test_residues_are_padded_indices(corpus: Corpus, plain_batches: MakeConfig) -> None:
    records = corpus.read([0, 30, 12])
    batch = collate(corpus, plain_batches(), [0, 30, 12])
    assert batch.residues.shape == (3, max(map(len, records)))
    assert batch.residues.dtype == torch.int64
    for record, residues, mask in zip(records, batch.residues, batch.residue_mask, strict=True):
        letters = "".join(RESIDUE_LETTERS[i] for i in residues[: len(record)])
        assert letters == record.sequence
        assert (residues[len(record) :] == -1).all()
        assert mask.tolist() == [True] * len(record) + [False] * (len(mask) - len(record))


def test_all_modalities_are_cropped_alike(corpus: Corpus, plain_batches: MakeConfig) -> None:
    rows = list(range(len(corpus)))
    batch = collate(corpus, plain_batches(crop_residues=40), rows)
    assert batch.residues.shape == (len(rows), 40)
    for whole, sequence, structure, residues in zip(
        corpus.read(rows), seen(batch, "sequence"), seen(batch), batch.residues, strict=True
    ):
        assert sequence == structure
        start = whole.sequence.index(sequence.sequence)
        assert sequence == replace(whole.crop(start, start + 40), structure=sequence.structure)
        if structure.structure is not None and whole.structure is not None:
            assert structure.structure == whole.structure.crop(start, start + 40)
        assert "".join(RESIDUE_LETTERS[i] for i in residues) == sequence.sequence


def test_crops_move_from_step_to_step(corpus: Corpus, plain_batches: MakeConfig) -> None:
    config = plain_batches(crop_residues=20)
    crops = {seen(collate(corpus, config, [0], step))[0].sequence for step in range(30)}
    assert len(crops) > 10


@given(
    length=st.integers(1, 50),
    residues=st.none() | st.integers(1, 50),
    place=st.floats(0.0, 1.0, exclude_max=True),
)
def test_a_crop_is_inside_and_full(length: int, residues: int | None, place: float) -> None:
    record = ProteinRecord(
        id="p",
        sequence=("ACDEFGHIKLMNPQRSTVWY" * 3)[:length],
        features=(FeatureSpan(0, length, "all", "x"),),
    )
    cropped = record.crop(*crop_bounds(length, residues, place))
    assert len(cropped) == min(length, residues or length)
    assert cropped.sequence in record.sequence
    assert cropped.features == (FeatureSpan(0, len(cropped), "all", "x"),)


def test_crops_reach_both_ends() -> None:
    assert crop_bounds(10, 3, 0.0) == (0, 3)
    assert crop_bounds(10, 3, np.nextafter(1.0, 0.0)) == (7, 10)


def test_a_protein_is_treated_alike_in_any_batch(corpus: Corpus, plain_batches: MakeConfig) -> None:
    config = plain_batches(crop_residues=30, structure_dropout=0.4, sequence_dropout=0.4)
    rows = list(range(len(corpus)))
    together = collate(corpus, config, rows, step=17)
    for position in (0, 9, 33):
        alone = collate(corpus, config, [position], step=17)
        assert seen(alone)[0] == seen(together)[position]
        assert alone.has_sequence[0] == together.has_sequence[position]
        assert alone.has_structure[0] == together.has_structure[position]


def test_seed_and_step_decide(corpus: Corpus, plain_batches: MakeConfig) -> None:
    config = plain_batches(structure_dropout=0.5, sequence_dropout=0.5)
    rows = list(range(len(corpus)))

    def draws(step: int, seed: int) -> list[bool]:
        batch = collate(corpus, config, rows, step, seed=seed)
        return torch.cat([batch.has_sequence, batch.has_structure]).tolist()

    assert draws(3, 5) == draws(3, 5)
    assert draws(3, 5) != draws(4, 5)
    assert draws(3, 5) != draws(3, 6)


def test_a_dropped_structure_is_really_missing(corpus: Corpus, plain_batches: MakeConfig) -> None:
    config = plain_batches(structure_dropout=0.5)
    rows = list(range(len(corpus)))
    batch = collate(corpus, config, rows)
    dropped = 0
    for row, record, has in zip(rows, seen(batch), batch.has_structure.tolist(), strict=True):
        assert (record.structure is not None) == has
        dropped += corpus.has_structure[row] and not has
    assert dropped > 0
    assert seen(batch) == seen(batch, "sequence")


def test_a_dropped_sequence_is_hidden_from_the_structure_encoder_too(
    corpus: Corpus, plain_batches: MakeConfig
) -> None:
    rows = list(np.flatnonzero(corpus.has_structure))
    batch = collate(corpus, plain_batches(sequence_dropout=0.5), rows)
    assert 0 < batch.has_sequence.sum() < len(rows)
    originals = corpus.read(rows)
    for kept, record, original in zip(batch.has_sequence, seen(batch), originals, strict=True):
        assert record.sequence == (original.sequence if kept else "X" * len(original))
        assert record.structure == original.structure
    # What objectives compare with is the truth all the same.
    assert torch.equal(batch.residues, pad_residues(originals))


def test_sequences_withheld_from_all(corpus: Corpus, plain_batches: MakeConfig) -> None:
    rows = list(np.flatnonzero(corpus.has_structure))
    batch = collate(corpus, plain_batches(), rows, withhold_sequence=True)
    assert not batch.has_sequence.any()
    assert {letter for record in seen(batch) for letter in record.sequence} == {"X"}
    # A model that has no sequence encoder at all still may have a structure encoder that asks.
    alone = collate(corpus, plain_batches(), rows, sequence=None)
    assert seen(alone) == tuple(corpus.read(rows))


def test_dropout_never_takes_both_and_keeps_its_rates(
    corpus: Corpus, plain_batches: MakeConfig
) -> None:
    config = plain_batches(structure_dropout=0.3, sequence_dropout=0.2)
    rows = list(range(len(corpus)))
    bears = torch.from_numpy(corpus.has_structure)
    batches = [collate(corpus, config, rows, step) for step in range(60)]
    sequence = torch.stack([batch.has_sequence for batch in batches])
    structure = torch.stack([batch.has_structure for batch in batches])
    assert (sequence | structure).all()
    assert sequence[:, ~bears].all()
    kept = structure[:, bears].float().mean().item()
    assert kept == pytest.approx(0.7, abs=0.05)
    withheld = 1 - sequence[:, bears][structure[:, bears]].float().mean().item()
    assert withheld == pytest.approx(0.2, abs=0.05)


def test_evaluation_drops_nothing_and_never_changes(
    corpus: Corpus, plain_batches: MakeConfig
) -> None:
    config = plain_batches(structure_dropout=0.9, sequence_dropout=0.9, crop_residues=25)
    rows = list(range(len(corpus)))
    first, later = (collate(corpus, config, rows, step, training=False) for step in (0, 99))
    assert first.has_sequence.all()
    assert first.has_structure.sum() > 0.8 * corpus.has_structure.sum()
    assert seen(first) == seen(later)


def test_a_structure_without_a_resolved_residue_is_none(
    corpus: Corpus, plain_batches: MakeConfig
) -> None:
    (record,) = corpus.read([int(np.flatnonzero(corpus.has_structure)[0])])
    structure = record.structure
    assert structure is not None
    blank = replace(
        structure,
        coordinates=np.full_like(structure.coordinates, np.nan),
        present=np.zeros_like(structure.present),
    )
    collator = Collator(Look(), Look(), None, plain_batches(sequence_dropout=0.99))
    batch = collator([replace(record, structure=blank)], np.array([0]))
    assert not batch.has_structure.any()
    assert batch.has_sequence.all()


@pytest.mark.parametrize("lacking", ["sequence", "structure"])
def test_a_model_without_an_encoder_gets_none(
    corpus: Corpus, plain_batches: MakeConfig, lacking: str
) -> None:
    config = plain_batches(structure_dropout=0.9, sequence_dropout=0.9)
    rows = list(range(len(corpus)))
    batch = collate(corpus, config, rows, **{lacking: None})
    kept = "structure" if lacking == "sequence" else "sequence"
    assert getattr(batch, lacking) is None
    assert not getattr(batch, f"has_{lacking}").any()
    expected = corpus.has_structure if kept == "structure" else np.ones(len(corpus), bool)
    assert getattr(batch, f"has_{kept}").tolist() == expected.tolist()
    assert (batch.residues >= 0).any()


def test_go_targets_are_those_of_the_rows(corpus: Corpus, plain_batches: MakeConfig) -> None:
    labels = GoLabels.from_corpus(corpus, min_proteins=2)
    rows = [5, 0, 22]
    whole = collate(corpus, plain_batches(), rows, labels=labels).go
    present = collate(corpus, plain_batches(go_candidates="batch"), rows, labels=labels).go
    assert whole is not None
    assert present is not None
    assert whole.terms.tolist() == labels.terms.tolist()
    assert present.positive.any(dim=0).all()
    assert present.positive.sum() == whole.positive.sum()


def test_a_batch_without_annotation_has_no_targets(
    corpus: Corpus, plain_batches: MakeConfig
) -> None:
    labels = GoLabels.from_corpus(corpus, min_proteins=2)
    bare = np.flatnonzero(~labels.known.any(axis=1)).tolist()
    assert bare
    assert collate(corpus, plain_batches(), bare, labels=labels).go is None
    assert collate(corpus, plain_batches(), [0, 1]).go is None


def test_a_pickled_collator_does_the_same(corpus: Corpus, plain_batches: MakeConfig) -> None:
    labels = GoLabels.from_corpus(corpus, min_proteins=2)
    targets = BatchTargets(labels=labels)
    collator = Collator(Look(), Look(), targets, plain_batches(structure_dropout=0.5), seed=4)
    copy = pickle.loads(pickle.dumps(collator))  # noqa: S301
    rows = np.arange(10)
    first, second = (c(corpus.read(rows), rows, 7) for c in (collator, copy))
    assert seen(first) == seen(second)
    assert first.go is not None
    assert second.go is not None
    assert (first.go.positive == second.go.positive).all()


def test_records_must_match_rows(corpus: Corpus, plain_batches: MakeConfig) -> None:
    collator = Collator(Look(), Look(), None, plain_batches())
    with pytest.raises(DataError, match="0 records for 0 rows"):
        collator([], np.array([], dtype=np.int64))
    with pytest.raises(DataError, match="2 records for 1 rows"):
        collator(corpus.read([0, 1]), np.array([0]))


def test_padding_one_record_adds_nothing() -> None:
    assert (pad_residues([ProteinRecord(id="p", sequence="ACX")]) >= 0).all()


def test_terms_that_a_model_reads_are_withheld_as_often_as_asked_for(
    corpus: Corpus, plain_batches: MakeConfig
) -> None:
    """And never outside of training."""
    ontology = corpus.ontology
    assert ontology is not None
    sets = GoSets.from_corpus(corpus, ontology)
    rows = np.flatnonzero(np.diff(sets.offsets) > 0)
    records, targets = corpus.read(rows), BatchTargets(go_sets=sets)
    config = plain_batches(go_dropout=0.5)
    collator = Collator(Look(), Look(), targets, config)
    shown = []
    for step in range(40):
        go_set = collator(records, rows, step).go_set
        assert go_set is not None
        shown.append((go_set.terms >= 0).any(dim=1))
    share = torch.stack(shown).float().mean().item()
    assert abs(share - 0.5) < 4 * (0.25 / (40 * len(rows))) ** 0.5
    evaluated = Collator(Look(), Look(), targets, config, training=False)(records, rows, 3).go_set
    assert evaluated is not None
    assert bool((evaluated.terms >= 0).any(dim=1).all())
