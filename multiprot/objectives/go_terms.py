"""What the GO objectives share: candidates of a batch, term priors, pairs across processes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from multiprot.encoders.contract import FusionOutputs, GoTargets, ObjectiveContext, ProteinBatch
from multiprot.errors import ConfigError

NAMESPACE_COUNT = 3


@dataclass(frozen=True, slots=True)
class Candidates:
    """Proteins against terms, in float32; no terms at all where the batch has no GO.

    Attributes
    ----------
    cosines
        [protein, term].
    targets
        What is known; its tensors have the sizes of `cosines`.
    """

    cosines: Tensor
    targets: GoTargets


def candidates_of(outputs: FusionOutputs, batch: ProteinBatch) -> Candidates:
    """Cosines of every protein with every candidate term, attached to the graph in any case.

    A protein without any token has a zero vector; nothing is known of it here.
    """
    projected = outputs.projected.float()
    if batch.go is None or outputs.go_projected is None:
        targets = _no_targets(batch)
        return Candidates(projected @ projected.new_zeros(projected.shape[1], 0), targets)
    with torch.autocast(projected.device.type, enabled=False):
        cosines = projected @ outputs.go_projected.float().T
    return Candidates(cosines, batch.go)


def term_priors(context: ObjectiveContext, objective: str) -> Tensor:
    """Share of annotated proteins for which each term of the ontology is true, above 0, below 1.

    A term that no train protein has gets half the least share that any has: it stays possible,
    and rarer than all that were seen.

    Raises
    ------
    ConfigError
        If the corpus has no GO annotation.
    """
    frequencies = context.term_frequencies
    if frequencies is None or not bool((frequencies > 0).any()):
        raise ConfigError(
            f"objective {objective} needs term frequencies, but the corpus has no GO annotation; "
            "build the corpus with annotations, or leave the objective out"
        )
    frequencies = frequencies.float().cpu()
    least = frequencies[frequencies > 0].min()
    return torch.where(frequencies > 0, frequencies, least / 2).clamp(max=1 - 1e-4)


def _no_targets(batch: ProteinBatch) -> GoTargets:
    proteins, device = len(batch.ids), batch.residues.device
    empty = torch.zeros(0, dtype=torch.int64, device=device)
    return GoTargets(
        terms=empty,
        namespaces=empty,
        positive=torch.zeros(proteins, 0, dtype=torch.bool, device=device),
        known=torch.zeros(proteins, NAMESPACE_COUNT, dtype=torch.bool, device=device),
    )
