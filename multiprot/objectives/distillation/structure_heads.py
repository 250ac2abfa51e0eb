"""What heads read of structure off residue tokens, a student's or a teacher's, from their weights.

The heads are those of `fold-state`, `dihedral` and `pairwise-distance`; weights go by the names
that they have there, without "head": "fold-state.weight", "dihedral.0.weight",
"pairwise-distance.first.weight".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from multiprot.objectives.dihedral import HIDDEN
from multiprot.objectives.distillation.configs import StructurePart
from multiprot.objectives.pair_head import PairHead, PairMap

PARTS: Final[tuple[StructurePart, ...]] = get_args(StructurePart)

Weights = Mapping[str, Tensor]
"""Tensors of heads, by name."""


def parts_of(weights: Weights) -> tuple[StructurePart, ...]:
    """Which heads there are."""
    return tuple(part for part in PARTS if any(name.startswith(f"{part}.") for name in weights))


def student_heads(width: int, teacher: Weights, parts: tuple[StructurePart, ...]) -> nn.ModuleDict:
    """Heads that answer to `parts` of a teacher's, from a student's tokens of `width` channels."""
    made: dict[str, nn.Module] = {}
    if "fold-state" in parts:
        made["fold-state"] = nn.Linear(width, len(teacher["fold-state.bias"]))
    if "dihedral" in parts:
        last = nn.Linear(HIDDEN, len(teacher["dihedral.2.bias"]))
        made["dihedral"] = nn.Sequential(nn.Linear(width, HIDDEN), nn.ReLU(), last)
    if "pairwise-distance" in parts:
        made["pairwise-distance"] = PairHead(width, len(teacher["pairwise-distance.last.bias"]))
    return nn.ModuleDict(made)


def fold_logits(weights: Weights, tokens: Tensor) -> Tensor:
    """Logits [..., state] of tokens [..., width]."""
    return functional.linear(tokens, weights["fold-state.weight"], weights["fold-state.bias"])


def dihedral_vectors(weights: Weights, tokens: Tensor) -> Tensor:
    """[..., angle, 2], concentration times cosine and sine, of tokens [..., width]."""
    hidden = functional.linear(tokens, weights["dihedral.0.weight"], weights["dihedral.0.bias"])
    last = weights["dihedral.2.weight"], weights["dihedral.2.bias"]
    found = functional.linear(hidden.relu(), *last)
    return found.reshape(*found.shape[:-1], found.shape[-1] // 2, 2)


def pair_map(weights: Weights) -> PairMap:
    """From pairs of tokens to logits of bins of distance."""
    names = ("first.weight", "first.bias", "last.weight", "last.bias")
    return PairMap(*(weights[f"pairwise-distance.{name}"] for name in names))


class TeacherHeads(nn.Module):
    """A teacher's weights. They do not learn, and belong to no student's state.

    Parameters
    ----------
    weights
        By name.
    """

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self._names = tuple(weights)
        for number, tensor in enumerate(weights.values()):
            kept = tensor.detach().float().clone()
            self.register_buffer(self._place(number), kept, persistent=False)

    @property
    def weights(self) -> dict[str, Tensor]:
        """By name, where the module is now."""
        return {name: getattr(self, self._place(n)) for n, name in enumerate(self._names)}

    def _place(self, number: int) -> str:
        # Names of buffers may hold no dot.
        return f"tensor_{number}"


def separated(known: Tensor, separations: tuple[int, ...], every: int) -> list[Tensor]:
    """Pairs of known residues that lie so far apart along the chain.

    Parameters
    ----------
    known
        bool [protein, residue].
    separations
        Residues from the one to the other.
    every
        Of each separation, pairs whose earlier residues lie so far apart. Each separation begins
        at another residue, in turn, so that no residue is in all pairs or in none.

    Returns
    -------
    list of Tensor
        Of each separation, int64 [3, pair]: protein, earlier and later residue.
    """
    found = []
    for number, separation in enumerate(separations):
        begin = number % every
        both = known[:, begin:-separation:every] & known[:, begin + separation :: every]
        protein, turn = both.nonzero(as_tuple=True)
        first = begin + every * turn
        found.append(torch.stack([protein, first, first + separation]))
    return found
