"""A student's vectors and what two teachers made of the same proteins, made up for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from multiprot.encoders.contract import (
    FusionOutputs,
    ObjectiveContext,
    ObjectiveResult,
    ProteinBatch,
    ResidueTokens,
    Taught,
    TeacherFacts,
    Teachings,
)
from multiprot.encoders.options import validate_options
from multiprot.objectives.distillation import plugins
from tests.fusion.fakes import make_batch, take

WIDTH = 6
NAMES = ("big.v1", "wee")
"""Sorted; a dot in a name must not hurt."""
WIDTHS = {"big.v1": 9, "wee": 4}
TOKEN_WIDTHS = {"big.v1": 5, "wee": 3}
LENGTHS = (9, 5, 12, 7, 8)
ALL = (
    plugins.distill_kl,
    plugins.distill_cosine,
    plugins.distill_huber,
    plugins.distill_relations,
    plugins.distill_neighbours,
    plugins.distill_tokens,
    plugins.distill_go,
    plugins.distill_structure,
)


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def heads(width: int) -> dict[str, Tensor]:
    """A teacher's heads of structure: three states, two angles, four bins."""
    hidden = 128
    shapes = {
        "fold-state": {"weight": (3, width), "bias": (3,)},
        "dihedral": {
            "0.weight": (hidden, width),
            "0.bias": (hidden,),
            "2.weight": (4, hidden),
            "2.bias": (4,),
        },
        "pairwise-distance": {
            "first.weight": (hidden, width),
            "first.bias": (hidden,),
            "last.weight": (4, hidden),
            "last.bias": (4,),
        },
    }
    place = rng(width + 1)
    return {
        f"{part}.{name}": torch.randn(shape, generator=place) * shape[-1] ** -0.5
        for part, tensors in shapes.items()
        for name, shape in tensors.items()
    }


def facts(name: str, **changed: Any) -> TeacherFacts:
    """Of a teacher whose channels have different means and deviations."""
    width, tokens = WIDTHS[name], TOKEN_WIDTHS[name]
    known = TeacherFacts(
        mean=torch.linspace(-2, 3, width),
        deviation=torch.linspace(0.3, 2, width),
        token_mean=torch.linspace(-1, 1, tokens),
        token_deviation=torch.linspace(0.5, 2, tokens),
        term_vectors=normalize(torch.randn(7, width, generator=rng(width)), dim=1),
        heads=heads(tokens),
    )
    return replace(known, **changed)


def context(**teachers: TeacherFacts) -> ObjectiveContext:
    """Widths, and both teachers, or these instead of one of them."""
    known = {name: facts(name) for name in reversed(NAMES)}
    return ObjectiveContext(width=WIDTH, shared_dim=3, teachers=known | teachers)


def objective(plugin: Any, given: ObjectiveContext | None = None, **options: Any) -> Any:
    torch.manual_seed(1)
    return plugin.build(validate_options(plugin, options), given or context())


def outputs_of(batch: ProteinBatch, seed: int = 0) -> FusionOutputs:
    """What a student made of a batch: leaves that want gradients; rubbish where it has no token."""
    rows, residues = batch.residues.shape
    protein = torch.randn(rows, WIDTH, generator=rng(seed + 11))
    values = torch.randn(rows, residues, WIDTH, generator=rng(seed + 12))
    values = torch.where(batch.residue_mask[..., None], values, 1e6)
    return FusionOutputs(
        sequence_tokens=None,
        structure_tokens=None,
        fused_tokens=ResidueTokens(values.requires_grad_(), batch.residue_mask),
        protein=protein.requires_grad_(),
        projected=normalize(protein.detach()[:, :3], dim=1),
    )


def taught_of(mask: Tensor, name: str, unknown: Sequence[int] = (), seed: int = 0) -> Taught:
    """What a teacher made of proteins, bool [protein, residue]; `unknown` are those it lacks."""
    place, known_facts = rng(seed + 10 * len(name)), facts(name)
    rows, residues = mask.shape
    known = torch.tensor([row not in unknown for row in range(rows)])
    vectors = torch.randn(rows, known_facts.width, generator=place)
    tokens = torch.randn(rows, residues, known_facts.token_width, generator=place)
    # Of one residue in five it has no token.
    tokens_known = mask & known[:, None] & (torch.rand(rows, residues, generator=place) > 0.2)
    return Taught(
        vectors=torch.where(known[:, None], vectors * 2 + 1, 0.0),
        known=known,
        tokens=torch.where(tokens_known[..., None], tokens, 0.0),
        tokens_known=tokens_known,
    )


def scene(
    big: Sequence[int] = (), wee: Sequence[int] = (), lengths: Sequence[int] = LENGTHS
) -> tuple[FusionOutputs, ProteinBatch]:
    """A student's outputs and a batch; `big` and `wee` are rows that a teacher does not know."""
    batch = make_batch(tuple(lengths))
    unknown = {"big.v1": big, "wee": wee}
    taught = {name: taught_of(batch.residue_mask, name, unknown[name]) for name in NAMES}
    batch = replace(batch, taught=Teachings(taught))
    return outputs_of(batch), batch


def changed(batch: ProteinBatch, **each: Any) -> ProteinBatch:
    """The batch with parts of all `Taught` replaced by what functions make of them."""
    if batch.taught is None:
        raise ValueError("nothing was taught")
    return replace(
        batch,
        taught=Teachings(
            {
                name: replace(
                    taught, **{part: f(getattr(taught, part)) for part, f in each.items()}
                )
                for name, taught in batch.taught.items()
            }
        ),
    )


def run(chosen: Any, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
    result: ObjectiveResult = chosen(outputs, batch)
    return result


def alone(
    outputs: FusionOutputs, batch: ProteinBatch, row: int
) -> tuple[FusionOutputs, ProteinBatch]:
    """One protein of them."""
    tokens = outputs.fused_tokens
    own = replace(
        outputs,
        protein=outputs.protein[[row]],
        fused_tokens=ResidueTokens(tokens.values[[row]], tokens.mask[[row]]),
    )
    return own, take(batch, [row])


def numbers(tensor: Tensor) -> np.ndarray[Any, Any]:
    return tensor.detach().double().numpy()


def linear(head: Any, vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What a linear head makes of [row, channel], in float64."""
    return vectors @ numbers(head.weight).T + numbers(head.bias)


def softmax(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def unit(vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
