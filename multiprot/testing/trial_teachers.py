"""Two teachers of the trial proteins: one with tokens and GO terms, one with vectors alone."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from multiprot.encoders.contract import Taught, TeacherFacts, Teachings
from multiprot.objectives.distillation.structure_heads import parts_of, student_heads

_WIDTHS: Final = {"large": 10, "small": 7}
_TOKEN_WIDTHS: Final = {"large": 6, "small": 0}
_TERMS: Final = 9
_UNKNOWN: Final = {"large": 5, "small": 1}
"""Of the seven proteins the one that each teacher does not know."""


def trial_teachers() -> dict[str, TeacherFacts]:
    """Facts by name; a channel of "small" does not vary."""
    facts = {}
    for name, width in _WIDTHS.items():
        rng = torch.Generator().manual_seed(width)
        deviation = torch.linspace(0.5, 1.5, width)
        if name == "small":
            deviation[0] = 0.0
        terms = torch.nn.functional.normalize(torch.randn(_TERMS, width, generator=rng), dim=1)
        facts[name] = TeacherFacts(
            mean=torch.linspace(-1, 1, width),
            deviation=deviation,
            token_mean=torch.zeros(_TOKEN_WIDTHS[name]),
            token_deviation=torch.ones(_TOKEN_WIDTHS[name]),
            term_vectors=terms if name == "large" else None,
            heads=_trial_heads(_TOKEN_WIDTHS[name]) if _TOKEN_WIDTHS[name] else {},
        )
    return facts


def _trial_heads(width: int) -> dict[str, Tensor]:
    """Heads for three fold states, two angles and four bins of distance."""
    sizes = {"fold-state.bias": 3, "dihedral.2.bias": 4, "pairwise-distance.last.bias": 4}
    shapes = {name: torch.zeros(size) for name, size in sizes.items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(width)
        heads = student_heads(width, shapes, parts_of(shapes))
    return {name: weight.detach() for name, weight in heads.named_parameters()}


def trial_teachings(residue_mask: Tensor) -> Teachings:
    """What both made of seven proteins whose residues are bool [protein, residue]."""
    taught = {}
    for name, facts in trial_teachers().items():
        rng = torch.Generator().manual_seed(100 + facts.width)
        proteins, residues = residue_mask.shape
        known = torch.arange(proteins) != _UNKNOWN[name]
        vectors = torch.randn(proteins, facts.width, generator=rng) * facts.deviation + facts.mean
        tokens = torch.randn(proteins, residues, facts.token_width, generator=rng)
        tokens_known = residue_mask & known[:, None] & bool(facts.token_width)
        taught[name] = Taught(
            vectors=torch.where(known[:, None], vectors, 0.0),
            known=known,
            tokens=torch.where(tokens_known[..., None], tokens, 0.0),
            tokens_known=tokens_known,
        )
    return Teachings(taught)


def reordered_teachings(taught: Teachings | None, order: Tensor) -> Teachings | None:
    """The same of the proteins `order`, int64 [protein]."""
    if taught is None:
        return None
    return Teachings(
        {
            name: Taught(
                vectors=each.vectors[order],
                known=each.known[order],
                tokens=each.tokens[order],
                tokens_known=each.tokens_known[order],
            )
            for name, each in taught.items()
        }
    )
