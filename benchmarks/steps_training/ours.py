"""Our step on the same proteins: packed graphs, factored pairs, cached layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multiprot.data.collate import Collator
from multiprot.data.corpus import Corpus
from multiprot.data.sampler import cut_by_budget
from multiprot.data.targets import BatchTargets
from multiprot.encoders.cached_tokens import CachedTokens
from multiprot.encoders.contract import Layout, ResidueTokens
from multiprot.encoders.registry import Registry
from multiprot.proteins import ProteinRecord
from multiprot.student.encoder import StudentEncoder
from multiprot.training.config import PretrainConfig
from multiprot.training.optim import build_optimizer
from multiprot.training.parts import build_parts
from multiprot.training.session import build_module


@dataclass(frozen=True, slots=True)
class KeptTokens:
    """Gives tokens of the frozen layers where a featurizer is expected, as the token cache does."""

    tokens: Mapping[str, torch.Tensor]

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> CachedTokens:
        """Tokens of `records`, padded to the longest."""
        own = [self.tokens[record.id] for record in records]
        values = torch.nn.utils.rnn.pad_sequence(own, batch_first=True)
        lengths = torch.tensor([len(each) for each in own])
        mask = torch.arange(values.shape[1]) < lengths[:, None]
        return CachedTokens(values, mask, of_frozen_part=True)


class OurSteps:
    """Model, objectives, batches and optimizer of a recipe.

    Parameters
    ----------
    config
        The recipe; its language model is a student whose last layers learn.
    corpus
        That gives counts.
    records
        Proteins; in batches by length.
    tokens
        Residues of a batch, padding included.
    """

    def __init__(
        self, config: PretrainConfig, corpus: Corpus, records: Sequence[ProteinRecord], tokens: int
    ) -> None:
        parts = build_parts(config, corpus, Registry.discover())
        self.encoder = student_of(parts.model)
        self.moving = [n for n, p in self.encoder.named_parameters() if p.requires_grad]
        self.module = build_module(config, parts).train()
        self.objectives = parts.objectives
        self.optimizer = build_optimizer(self.module, config.optimizer)
        structure = parts.model.structure
        if structure is None:
            raise ValueError("recipe without a structure encoder; take STEPS'")
        # As the sampler does: what is alike in length shares a batch.
        self.records = sorted(records, key=len)
        lengths = np.array([len(record) for record in self.records])
        self.batches = cut_by_budget(np.arange(len(lengths)), lengths, tokens, None)
        kept = KeptTokens({record.id: _frozen(self.encoder, record) for record in records})
        self._collate = Collator(
            kept, structure.featurizer, BatchTargets(geometry=True), config.batch
        )
        self._chance = torch.Generator().manual_seed(config.seed)
        self._taken = 0

    def learn(self) -> list[float]:
        """Every protein once, an optimizer step for each batch; the outer losses."""
        return [self._step(rows) for rows in self.batches]

    def _step(self, rows: NDArray[np.int64]) -> float:
        batch = self._collate([self.records[row] for row in rows], rows, self._taken)
        batch = self.objectives.corrupt(batch, self._chance)
        loss = self.module.training_step(batch, self._taken)
        self.module.backward(loss)
        self.module.configure_gradient_clipping(self.optimizer, None, None)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self._taken += 1
        return float(loss.detach())


def student_of(model: torch.nn.Module) -> StudentEncoder:
    """The model's sequence encoder."""
    encoder = model.sequence
    if not isinstance(encoder, StudentEncoder):
        raise ValueError("the recipe's sequence encoder is no student; name student or mini")
    return encoder


def letters_of(encoder: StudentEncoder, record: ProteinRecord) -> Any:
    """Letters of one protein, as the encoder reads them."""
    return encoder.featurizer([record], Layout.PADDED)


def _frozen(encoder: StudentEncoder, record: ProteinRecord) -> torch.Tensor:
    frozen = encoder.frozen_part()
    if frozen is None:
        raise ValueError("language model without a frozen part; set freeze to a number")
    with torch.no_grad():
        found = frozen(letters_of(encoder, record))
    if not isinstance(found, ResidueTokens):
        raise TypeError(f"padded letters gave {type(found).__name__}; expected ResidueTokens")
    return found.values[0]
