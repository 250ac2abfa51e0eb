from __future__ import annotations

import numpy as np
import pytest

from multiprot.data.synthetic_backbone import clashes
from multiprot.data.synthetic_family import (
    MOTIF_RESIDUES,
    MOTIFS,
    Member,
    draw_ancestor,
    found_family,
    member_backbones,
    motif_spans,
    mutate,
)
from multiprot.data.synthetic_fold import LOOP


@pytest.fixture(scope="module")
def founder() -> Member:
    rng = np.random.default_rng(0)
    return found_family(rng, draw_ancestor(rng, 2))


@pytest.fixture(scope="module")
def members(founder: Member) -> list[Member]:
    rng = np.random.default_rng(1)
    return [mutate(rng, founder) for _ in range(40)]


def aligned(member: Member) -> None:
    residues = len(member.sequence)
    assert len(member.fold) == len(member.torsions) == len(member.motif) == residues


def test_parts_of_a_member_stay_aligned(founder: Member, members: list[Member]) -> None:
    for member in (founder, *members):
        aligned(member)


def test_a_family_keeps_its_ancestors_fold() -> None:
    rng = np.random.default_rng(0)
    ancestor = draw_ancestor(rng, 1)
    first, second = found_family(rng, ancestor), found_family(rng, ancestor)
    assert first.fold == second.fold == ancestor.fold
    same = np.mean([a == b for a, b in zip(first.sequence, second.sequence, strict=True)])
    assert same < 0.3


def test_a_family_has_its_motifs(founder: Member) -> None:
    assert founder.motif.sum() == MOTIFS * MOTIF_RESIDUES
    spans = motif_spans(founder, "fam")
    assert [span.name for span in spans] == ["fam.1", "fam.2", "fam.3"]
    assert all(span.stop - span.start == MOTIF_RESIDUES for span in spans)


def test_every_member_has_the_motifs(founder: Member, members: list[Member]) -> None:
    motifs = [founder.sequence[s.start : s.stop] for s in motif_spans(founder, "fam")]
    for member in members:
        found = [member.sequence[s.start : s.stop] for s in motif_spans(member, "fam")]
        assert found == motifs


def test_members_differ_in_residues_and_length(founder: Member, members: list[Member]) -> None:
    assert len({member.sequence for member in members}) == len(members)
    lengths = {len(member.sequence) - len(founder.sequence) for member in members}
    assert lengths <= set(range(-2, 3))
    assert len(lengths) > 2
    unchanged = [m for m in members if m.fold == founder.fold]
    identity = [
        np.mean([a == b for a, b in zip(m.sequence, founder.sequence, strict=True)])
        for m in unchanged
    ]
    assert 0.4 < min(identity) < max(identity) < 0.95


def test_insertions_and_deletions_are_in_loops(founder: Member, members: list[Member]) -> None:
    def elements(fold: str) -> list[str]:
        return [element for element in fold.split(LOOP) if element]

    assert {tuple(elements(m.fold)) for m in members} == {tuple(elements(founder.fold))}


def test_backbones_are_those_of_the_members(members: list[Member]) -> None:
    backbones = member_backbones(np.random.default_rng(2), members[:10])
    for member, backbone in zip(members, backbones, strict=False):
        assert backbone.shape == (len(member.sequence), 5, 3)
        ca = backbone[:, 1]
        steps = np.linalg.norm(np.diff(ca, axis=0), axis=1)
        assert steps == pytest.approx(3.8, abs=0.1)
        mask = np.ones((1, len(backbone)), bool)
        assert clashes(backbone[None], mask)[0] <= 0.05 * len(backbone)
