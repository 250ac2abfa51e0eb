"""The rival of STEPS' step computes what it says, and what it keeps changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.steps_training.ours import letters_of
from benchmarks.steps_training.plain import (
    PlainSteps,
    PlainStructure,
    PlainTrainer,
    edges_of,
)
from benchmarks.steps_training.proteins import as_long_as
from multiprot.data import make_synthetic_corpus
from multiprot.data.synthetic import SyntheticOptions, synthetic_records
from multiprot.proteins import BACKBONE_ATOMS, ProteinRecord
from multiprot.student.encoder import StudentEncoder, build_encoder
from multiprot.student.options import StudentOptions

CA = BACKBONE_ATOMS.index("CA")


def encoder() -> StudentEncoder:
    torch.manual_seed(1)
    return build_encoder(StudentOptions(layers=2, width=64, freeze=1))


def moving(of: StudentEncoder) -> list[str]:
    return [name for name, each in of.named_parameters() if each.requires_grad]


def whole() -> ProteinRecord:
    for record, _ in synthetic_records(SyntheticOptions(families=1)):
        if record.structure is not None and record.structure.present[:, CA].all():
            return record
    raise AssertionError("no synthetic protein with a whole structure")


def protein(of: StudentEncoder) -> PlainStructure:
    record = whole()
    alphas = record.structure.coordinates[:, CA].astype(np.float32)
    angles = torch.linspace(-3, 3, 2 * len(record)).reshape(-1, 2)
    return PlainStructure(letters_of(of, record), alphas, angles)


def losses(keeps: set[str]) -> list[float]:
    of = encoder()
    torch.manual_seed(2)
    trainer = PlainTrainer(PlainSteps(of, moving(of)), keeps=keeps)
    one = protein(of)
    with sdpa_kernel(SDPBackend.MATH):
        return [trainer.step(one) for _ in range(6)]


@pytest.mark.parametrize("keeps", [{"frozen"}, {"frozen", "edges"}])
def test_what_is_kept_changes_nothing(keeps: set[str]) -> None:
    # How sums are cut among several threads is not always the same.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert losses(keeps) == losses(set())
    finally:
        torch.set_num_threads(threads)


def test_it_learns() -> None:
    found = losses(set())
    assert found[-1] < found[0]


def test_edges_are_those_of_all_distances() -> None:
    alphas = 4 * np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    edges, weights = edges_of(alphas)
    apart = np.linalg.norm(alphas[:, None] - alphas[None], axis=2)
    near = (apart < 7) & ~np.eye(40, dtype=bool)
    assert set(map(tuple, edges.T.tolist())) == set(map(tuple, np.argwhere(near).tolist()))
    told = 1 / apart[edges[0], edges[1]] ** 2
    np.testing.assert_allclose(weights, told, rtol=1e-3)


def test_proteins_as_long_as_a_tasks(tmp_path: Path) -> None:
    corpus = make_synthetic_corpus(tmp_path / "corpus", options=SyntheticOptions(families=8))
    lengths = np.array([50, 50, 60, 90, 10_000])
    found = as_long_as(corpus, lengths, 4, longest=120)
    assert len({record.id for record in found}) == 4
    assert all(record.structure is not None for record in found)
    assert len(found[0]) <= len(found[-1]) <= 120
    with pytest.raises(ValueError, match="asked for"):
        as_long_as(corpus, lengths, 10_000, longest=120)
