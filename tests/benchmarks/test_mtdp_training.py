"""The rival of MTDP's recipe computes what it says, and ours what it computes but for padding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from benchmarks.massa_training.rounds import RELEASED
from benchmarks.mtdp_training.__main__ import compare
from benchmarks.mtdp_training.ours import OurStep, built, copy_weights, random_teachings, recipe
from benchmarks.mtdp_training.plain import (
    END,
    PLACES,
    TEACHERS,
    PlainShape,
    PlainStudent,
    PlainTrainer,
    divergences,
    embed_as_released,
    places,
)
from benchmarks.mtdp_training.proteins import drawn
from benchmarks.mtdp_training.table import table
from benchmarks.mtdp_training.variants import OURS, WHOLE_MIXED, agreement, embedding_tasks
from multiprot.proteins import ProteinRecord, write_fasta

TINY = PlainShape(layers=1, width=16, heads=2, feed_forward_width=32, dropout=0.0)


def records(*lengths: int) -> list[ProteinRecord]:
    numbers = np.random.default_rng(0)
    letters = np.array(list("ACDEFGHIKLMNPQRSTVWY"))
    return [
        ProteinRecord(id=f"p{row}", sequence="".join(numbers.choice(letters, length)))
        for row, length in enumerate(lengths)
    ]


def plain(attention: str = "eager") -> PlainStudent:
    student = PlainStudent(TINY, attention)
    copy_weights(built(recipe(TINY)), student)
    return student.eval()


def test_places_are_letters_an_end_and_padding() -> None:
    found = places("acdu")
    assert len(found) == PLACES
    assert found[3] == places("X")[0]
    assert found[4:6] == [END, 0]
    assert set(found[5:]) == {0}
    assert places("A" * 2000) == [places("A")[0]] * 1000 + [END]


def test_the_loop_gives_what_the_encoder_gives() -> None:
    student, proteins = plain(), records(*range(5, 17))
    found = torch.tensor(embed_as_released(student, [each.sequence for each in proteins]))
    for row in (0, 11):
        tokens = torch.tensor([places(proteins[row].sequence)])
        with torch.no_grad():
            hidden = student.trunk(tokens, attention_mask=(tokens != 0).long()).last_hidden_state
            expected = student.embed(hidden[0].mean(0))
        torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-5)


def test_ours_is_the_rival_without_its_padding(tmp_path: Path) -> None:
    tasks = embedding_tasks(TINY, "2m", records(40, 3, 17), tmp_path)
    told = agreement(tasks)
    assert told["ours_and_plain_by_length"] > 0.99999
    assert told["ours_and_plain_as_released"] < 0.999


def test_the_released_loss_is_two_divergences() -> None:
    torch.manual_seed(0)
    answers = [torch.randn(3, width) for width in TEACHERS]
    targets = [torch.randn(3, width) for width in TEACHERS]
    expected = sum(
        (q.softmax(1) * (q.softmax(1).log() - p.softmax(1).log())).sum() / 3
        for p, q in zip(answers, targets, strict=True)
    )
    torch.testing.assert_close(divergences(answers, targets), expected)


def first_losses(proteins: Sequence[ProteinRecord]) -> tuple[float, float]:
    """Ours, and the rival's that sorts, with the same heads."""
    config, taught = recipe(TINY), random_teachings(len(proteins))
    mine = OurStep(config, built(config), proteins, taught, tokens=10_000)
    student = plain("sdpa")
    heads = [each for each in mine.objectives.modules() if isinstance(each, torch.nn.Linear)]
    for head in heads:
        [match] = [e for e in student.teachers if e.out_features == head.out_features]
        match.load_state_dict(head.state_dict())
    sequences = [each.sequence for each in proteins]
    lists = [vectors.tolist() for vectors in taught]
    rival = PlainTrainer(student, sequences, lists, by_length=True)
    return mine.learn(mixed=False), rival.learn(mixed=False)


def test_both_steps_have_the_same_loss() -> None:
    ours, rival = first_losses(records(30, 12, 22))
    assert ours == pytest.approx(rival, rel=1e-4)


@pytest.mark.parametrize("by_length", [False, True])
def test_the_rival_learns(by_length: bool) -> None:
    sequences = [each.sequence for each in records(9, 14)]
    lists = [functional.normalize(torch.ones(2, width)).tolist() for width in TEACHERS]
    trainer = PlainTrainer(plain(), sequences, lists, by_length=by_length)
    losses = [trainer.learn(mixed=False) for _ in range(6)]
    assert losses[-1] < losses[0]


def test_a_run_tells_times_of_both_parts() -> None:
    how = {"shape": TINY, "preset": "2m", "tokens": 64, "rounds": 1}
    found = compare(records(20, 12), ["embedding", "step"], **how)
    assert found["embedding"][RELEASED]["times_as_fast"] == 1.0
    assert OURS in found["step"]
    assert WHOLE_MIXED not in found["embedding"]
    lines = table({"natural": found})
    assert "natural: 2 proteins, 16 residues on average" in lines
    assert any(line.startswith(f"| {WHOLE_MIXED} |") for line in lines)


def test_the_draw_is_of_the_lengths_asked_for(tmp_path: Path) -> None:
    write_fasta(records(*range(10, 60)), tmp_path / "some.fasta")
    found = drawn(tmp_path / "some.fasta", 5, (20, 29))
    assert all(20 <= len(record) <= 29 for record in found)
    assert found == drawn(tmp_path / "some.fasta", 5, (20, 29))
    with pytest.raises(ValueError, match="10 proteins of 20 to 29 residues, 11 asked for"):
        drawn(tmp_path / "some.fasta", 11, (20, 29))
