"""Partly frozen encoders that break the contract, and the tests that must notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import torch

from multiprot.encoders.contract import ResidueTokens
from multiprot.student.frozen_layers import FrozenLayers, last_layers
from multiprot.student.plugin import student
from tests.testing.faults import Fault, spoilt

OPTIONS: Final[Mapping[str, Any]] = {"layers": 3, "freeze": 1}
_WHOLE, _STAYS = "both_parts_make_the_whole", "the_frozen_part_stays"
_WITHHELD = "the_learning_part_does_not_see_what_is_withheld"


def _twice(encoder: Any) -> Any:
    """A frozen layer is gone through once more."""
    return lambda tokens: last_layers(encoder.trunk, 1, tokens)


def _doubled(encoder: Any) -> Any:
    sound = encoder.learning_part
    return lambda tokens: replace(sound(tokens), values=2 * sound(tokens).values)


def _learning(encoder: Any) -> Any:
    """All layers count as frozen."""
    return lambda: FrozenLayers(encoder.trunk, 3, encoder.featurizer, encoder.portable_options)


def _with_gradient(encoder: Any) -> Any:
    sound = encoder.frozen_part

    class Leaky(torch.nn.Module):
        def forward(self, features: Any) -> Any:
            tokens = sound()(features)
            return replace(
                tokens,
                values=tokens.values
                * next(p.sum() for p in encoder.parameters() if p.requires_grad),
            )

    return lambda: Leaky()


def _unmasked(encoder: Any) -> Any:
    sound = encoder.learning_part

    def learning_part(tokens: ResidueTokens) -> ResidueTokens:
        everywhere = torch.ones_like(tokens.mask)
        return replace(sound(ResidueTokens(tokens.values, everywhere)), mask=tokens.mask)

    return learning_part


def _mixed(encoder: Any) -> Any:
    sound = encoder.learning_part

    def learning_part(tokens: ResidueTokens) -> ResidueTokens:
        found = sound(tokens)
        shared = found.values + found.values.mean(dim=0, keepdim=True)
        return replace(found, values=shared * tokens.mask[..., None])

    return learning_part


FAULTS = [
    Fault(name, test, spoilt(student, **{part: change}), says, OPTIONS)
    for name, test, part, change, says in (
        ("a layer twice", _WHOLE, "learning_part", _twice, "do not make the whole"),
        ("doubled tokens", _WHOLE, "learning_part", _doubled, "do not make the whole"),
        ("what learns is frozen", _STAYS, "frozen_part", _learning, "training changes"),
        ("frozen with gradient", _STAYS, "frozen_part", _with_gradient, "carry a gradient"),
        ("withheld tokens come back", _WITHHELD, "learning_part", _unmasked, "gets some"),
        ("proteins mixed", _WITHHELD, "learning_part", _mixed, "changes others"),
    )
]
