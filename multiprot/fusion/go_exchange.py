"""A protein and the set of its GO terms look at each other; a protein without terms has one token.

The set is encoded without order; then, layer by layer, residues look at one another and at the
terms, terms look at the residues. Every layer reads what the one before it wrote. The scheme is
MASSA's (Hu et al. 2023, Adv. Sci. 10(22) 2301223).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from multiprot.encoders.contract import HIDDEN_TERM, GoSet, ResidueTokens
from multiprot.fusion.attention import LayerShape, TokenNorm, TransformerLayer
from multiprot.fusion.config import GoExchangeConfig
from multiprot.fusion.term_vectors import TermVectors
from multiprot.fusion.tokens import cleared


class GoSetEncoder(nn.Module):
    """Terms to tokens: each with its vector from the GO encoder, then attention within the set."""

    def __init__(self, shape: LayerShape, layers: int, term_dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(term_dim, shape.width)
        # What stands for no term at all, and for one that must not be seen.
        self.special = nn.Embedding(2, shape.width)
        self.layers = nn.ModuleList(TransformerLayer(shape) for _ in range(layers))

    def forward(
        self, go_set: GoSet | None, proteins: int, vectors: TermVectors | None
    ) -> ResidueTokens:
        """Tokens [protein, slot, width] of the sets.

        Parameters
        ----------
        go_set
            Terms; None where no protein has any.
        proteins
            How many proteins there are.
        vectors
            Of the terms that are shown; None where none is.

        Returns
        -------
        ResidueTokens
            Mask True for each term, and for slot 0 of a protein that has none: the "no GO" token.
        """
        nothing, unseen = self.special.weight.unbind()
        if go_set is None:
            mask = torch.ones(proteins, 1, dtype=torch.bool, device=nothing.device)
            tokens = ResidueTokens(nothing.expand(proteins, 1, -1), mask)
        else:
            values = self._embedded(go_set, vectors)
            values = torch.where((go_set.shown == HIDDEN_TERM)[..., None], unseen, values)
            mask = go_set.terms >= 0
            without = torch.zeros_like(mask)
            without[:, 0] = ~mask.any(dim=1)
            values = torch.where(without[..., None], nothing, values)
            tokens = ResidueTokens(cleared(values, mask | without), mask | without)
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens

    def _embedded(self, go_set: GoSet, vectors: TermVectors | None) -> Tensor:
        """Tokens [protein, slot, width] of what is shown; zeros where nothing is."""
        seen, weight = go_set.shown >= 0, self.linear.weight
        if vectors is None:
            return weight.new_zeros(*seen.shape, len(weight))
        projected: Tensor = self.linear(vectors(go_set.shown[seen]))
        values = projected.new_zeros(*seen.shape, projected.shape[-1])
        values[seen] = projected
        return values


class GoExchange(nn.Module):
    """Residues and GO terms look at each other, `layers` times."""

    def __init__(self, config: GoExchangeConfig, residues: LayerShape, term_dim: int) -> None:
        super().__init__()
        terms = LayerShape(
            width=config.width,
            heads=config.heads,
            hidden=round(config.ffn_multiple * config.width),
            dropout=config.dropout,
            norm_first=residues.norm_first,
        )
        self.terms = GoSetEncoder(terms, config.set_layers, term_dim)
        self.of_protein = nn.ModuleList(
            TransformerLayer(residues, other=terms.width) for _ in range(config.layers)
        )
        self.of_go = nn.ModuleList(
            TransformerLayer(terms, within=False, other=residues.width)
            for _ in range(config.layers)
        )
        first = residues.norm_first
        self.protein_norm = TokenNorm(residues.width) if first else nn.Identity()
        self.go_norm = TokenNorm(terms.width) if first else nn.Identity()

    def forward(
        self, residues: ResidueTokens, go_set: GoSet | None, vectors: TermVectors | None
    ) -> tuple[ResidueTokens, ResidueTokens]:
        """Residue tokens and term tokens after they met.

        Parameters
        ----------
        residues
            [protein, residue, width].
        go_set
            Terms of the proteins; None where none has any.
        vectors
            Of the terms that are shown; None where none is.

        Returns
        -------
        residues : ResidueTokens
            Of the same shape.
        terms : ResidueTokens
            [protein, slot, GO width]; where a protein has no term, its mask is False.
        """
        terms = self.terms(go_set, len(residues.mask), vectors)
        for of_protein, of_go in zip(self.of_protein, self.of_go, strict=True):
            residues, terms = of_protein(residues, terms), of_go(terms, residues)
        residues, terms = self.protein_norm(residues), self.go_norm(terms)
        real = torch.zeros_like(terms.mask) if go_set is None else go_set.terms >= 0
        return residues, ResidueTokens(terms.values, terms.mask & real[:, : terms.mask.shape[1]])
