"""Masked-residue modelling: hidden amino acids are guessed from the fused tokens.

L = mean over hidden residues r of −log softmax(head(fused token r))[amino acid r]

Devlin et al. 2019, arXiv:1810.04805 (15 % hidden; of these 80 % masked, 10 % replaced, 10 % kept),
on proteins Rives et al. 2021, doi:10.1073/pnas.2016239118. The mean is over all hidden residues of
all processes. With `hide_structure` the hidden residues' own geometry is hidden, too, as in MASSA
(Hu et al. 2023, Adv. Sci. 10(22) 2301223). With `from_structure` a protein whose sequence is
withheld counts as one of which every residue is hidden: inverse folding (Ingraham et al. 2019,
NeurIPS), which gives a structure encoder several times as many answers to learn from.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from multiprot.encoders.contract import (
    Features,
    FusionOutputs,
    MaskableFeatures,
    Objective,
    ObjectiveContext,
    ObjectiveResult,
    ProteinBatch,
)
from multiprot.encoders.plugin import Modality
from multiprot.errors import PluginError
from multiprot.objectives.configs import MaskedResidueConfig
from multiprot.objectives.gather import joint_means
from multiprot.objectives.masking import choose_items, hide_geometry
from multiprot.proteins import AMINO_ACIDS

SHOW_MASK = -1
"""Substitute that stands for the encoder's own mask."""


class MaskedResidue(Objective):
    """Hides residues in `corrupt`, guesses them in `forward`."""

    name: ClassVar[str] = "masked-residue"
    needs: ClassVar[frozenset[Modality | Literal["spans"]]] = frozenset({Modality.SEQUENCE})

    def __init__(self, config: MaskedResidueConfig, context: ObjectiveContext) -> None:
        super().__init__()
        self.config = config
        frequencies = amino_acid_frequencies(context.residue_frequencies)
        self.most_frequent = int(frequencies.argmax())
        self.head = residue_head(context.width, frequencies)

    def corrupt(self, batch: ProteinBatch, rng: torch.Generator) -> ProteinBatch:
        """The batch with residues hidden from every encoder that could see their identity."""
        masked = choose_items(maskable_residues(batch).cpu(), self.config.rate, rng)
        substitutes = choose_substitutes(batch.residues.cpu(), self.config, rng)
        device = batch.residues.device
        masked, substitutes = masked.to(device), substitutes.to(device)
        if self.config.hide_structure:
            batch = hide_geometry(batch, masked, f"{self.name} with hide_structure")
        structure, sequence = batch.structure, batch.sequence
        if self.config.from_structure:
            alone = residues_of_structures_alone(batch)
            masked, substitutes = masked | alone, substitutes.masked_fill(alone, SHOW_MASK)
        before = batch.masked_residues
        both = masked if before is None else before | masked
        if isinstance(structure, MaskableFeatures):
            structure = structure.mask_residues(masked, substitutes)
        if self.config.legacy:
            sources = _token_sources(masked, substitutes, batch, rng)
            return replace(batch, structure=structure, token_sources=sources, masked_residues=both)
        if sequence is not None:
            sequence = _maskable(sequence).mask_residues(masked, substitutes)
        return replace(
            batch,
            sequence=sequence,
            structure=structure,
            masked_residues=both,
        )

    def forward(self, outputs: FusionOutputs, batch: ProteinBatch) -> ObjectiveResult:
        """Cross-entropy over the hidden residues; metrics beside the frequency baseline."""
        hidden = batch.masked_residues
        if hidden is None:
            hidden = torch.zeros_like(batch.residue_mask)
        eligible = maskable_residues(batch)
        if self.config.from_structure:
            eligible = eligible | residues_of_structures_alone(batch)
        hidden = hidden & eligible & outputs.fused_tokens.mask
        targets = batch.residues[hidden]
        logits = self.head(outputs.fused_tokens.values[hidden]).float()
        loss = functional.cross_entropy(logits, targets, reduction="sum")
        right = {
            "accuracy": (logits.argmax(dim=1) == targets).sum(),
            "baseline_accuracy": (targets == self.most_frequent).sum(),
        }
        means = joint_means(loss, hidden.sum(), right)
        metrics = means.metrics | {"perplexity": means.loss.detach().exp()}
        return ObjectiveResult(means.loss, means.count, metrics)


def residue_head(width: int, frequencies: Tensor | None = None) -> nn.Sequential:
    """Tokens [..., width] to logits [..., amino acid]; begins with the guess of `frequencies`.

    Parameters
    ----------
    width
        Channels of a token.
    frequencies
        float32 [amino acid], positive; None: equal ones.
    """
    last = nn.Linear(width, len(AMINO_ACIDS))
    if frequencies is None:
        frequencies = amino_acid_frequencies(None)
    with torch.no_grad():
        last.bias.copy_(frequencies.log())
        last.weight.mul_(0.1)
    return nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width), last)


def maskable_residues(batch: ProteinBatch) -> Tensor:
    """bool [protein, residue]: a standard amino acid of a protein whose sequence is in the batch.

    X, B, Z, J, U and O are never hidden and never targets.
    """
    return _standard_residues(batch) & batch.has_sequence[:, None]


def residues_of_structures_alone(batch: ProteinBatch) -> Tensor:
    """bool [protein, residue]: a standard amino acid of a protein with structure, no sequence."""
    return _standard_residues(batch) & (batch.has_structure & ~batch.has_sequence)[:, None]


def choose_substitutes(
    residues: Tensor, config: MaskedResidueConfig, rng: torch.Generator
) -> Tensor:
    """What is shown in place of each residue if it is hidden.

    Returns
    -------
    Tensor
        int64 [protein, residue]: `SHOW_MASK`, a random amino acid, or the residue itself.
    """
    lots = torch.rand(residues.shape, generator=rng)
    random_residues = torch.randint(len(AMINO_ACIDS), residues.shape, generator=rng)
    masked_share = 1 - config.substitute_share - config.keep_share
    shown = torch.where(lots < 1 - config.keep_share, random_residues, residues)
    return torch.where(lots < masked_share, SHOW_MASK, shown)


def _standard_residues(batch: ProteinBatch) -> Tensor:
    standard = (batch.residues >= 0) & (batch.residues < len(AMINO_ACIDS))
    return standard & batch.residue_mask


def _token_sources(
    masked: Tensor, substitutes: Tensor, batch: ProteinBatch, rng: torch.Generator
) -> Tensor:
    """int64 [protein, residue]: whose token stands where, as `ProteinBatch.token_sources`.

    Where a residue shall show a substitute, it shows the token of another one of its protein, drawn
    evenly; where it shall show itself, its own.
    """
    lengths = batch.residue_mask.sum(dim=1, keepdim=True).clamp(min=1)
    own = torch.arange(masked.shape[1], device=masked.device).expand_as(substitutes)
    lots = torch.rand(masked.shape, generator=rng).to(masked.device)
    other = (lots * lengths).long().clamp(max=lengths - 1)
    shown = torch.where(substitutes == batch.residues, own, other)
    shown = torch.where(substitutes == SHOW_MASK, SHOW_MASK, shown)
    return torch.where(masked, shown, own)


def _maskable(features: Features) -> MaskableFeatures:
    if not isinstance(features, MaskableFeatures):
        raise PluginError(
            f"masked-residue needs to hide residues, but {type(features).__module__}."
            f"{type(features).__qualname__} of the sequence encoder has no `mask_residues`; "
            "choose another sequence encoder or leave masked-residue out"
        )
    return features


def amino_acid_frequencies(letters: Tensor | None) -> Tensor:
    """Shares of the twenty amino acids, float32, among those of all letters; None: equal ones."""
    standard = len(AMINO_ACIDS)
    if letters is None:
        return torch.full((standard,), 1 / standard)
    frequencies = letters[:standard].float().cpu().clamp(min=1e-4)
    return frequencies / frequencies.sum()
