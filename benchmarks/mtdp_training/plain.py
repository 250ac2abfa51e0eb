"""MTDP's student and its two loops as they were released, written anew.

From the facts of Shang et al. 2024 (arXiv:2405.11735) and from how the released code is organised:
a T5 encoder and one linear map, the mean of all places, padding included; a vector per protein is
asked for ten proteins at a time, each padded to 1,001 tokens, in float32, with Python lists on
either side; a step reads sixteen such proteins and two lists of teachers' vectors.

In the rival's favour: tokens are looked up in a dictionary instead of by SentencePiece; the map
reads the mean, not each place; the losses do not end in the errors of the released ones; teachers'
vectors have their true widths.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

import torch
from multiprot_prottrans.family import PROTT5_TOKENS
from torch import Tensor, nn
from torch.nn import functional
from transformers import T5Config, T5EncoderModel

PLACES: Final = 1001
"""Tokens of every protein: at most 1,000 residues, </s>, padding."""
TOGETHER: Final = 10
"""Proteins of a batch that is embedded."""
STEP: Final = 16
"""Proteins of a batch that is learnt."""
TEACHERS: Final = (1280, 1024)
"""Channels of ESM-2 650M and of ProtT5."""
WIDTH: Final = 1280
"""Channels of a protein's vector."""
END: Final = PROTT5_TOKENS.index("</s>")
_IDS: Final = {token.removeprefix("▁"): number for number, token in enumerate(PROTT5_TOKENS)}


@dataclass(frozen=True, slots=True)
class PlainShape:
    """Of the T5 encoder; MTDP's unless told otherwise."""

    layers: int = 6
    width: int = 512
    heads: int = 8
    feed_forward_width: int = 2048
    dropout: float = 0.1


class PlainStudent(nn.Module):
    """Encoder, map to the vector, and a map to each teacher's width.

    Parameters
    ----------
    shape
        Of the encoder.
    attention
        "eager", as at the time, or "sdpa".
    """

    def __init__(self, shape: PlainShape, attention: str) -> None:
        super().__init__()
        config = T5Config(
            vocab_size=len(PROTT5_TOKENS),
            d_model=shape.width,
            d_kv=shape.width // shape.heads,
            d_ff=shape.feed_forward_width,
            num_layers=shape.layers,
            num_heads=shape.heads,
            dropout_rate=shape.dropout,
            pad_token_id=0,
            eos_token_id=END,
        )
        config._attn_implementation = attention
        self.trunk = T5EncoderModel(config)
        self.embed = nn.Linear(shape.width, WIDTH)
        self.teachers = nn.ModuleList(nn.Linear(WIDTH, width) for width in TEACHERS)

    def forward(self, tokens: Tensor, counted: Tensor | None = None) -> Tensor:
        """Vectors [protein, 1280].

        Parameters
        ----------
        tokens
            int64 [protein, place].
        counted
            bool [protein, place]: what the mean is of; None: everything, as released.
        """
        hidden = self.trunk(tokens, attention_mask=(tokens != 0).long()).last_hidden_state
        if counted is None:
            return self.embed(hidden.mean(1))  # type: ignore[no-any-return]
        total = hidden.masked_fill(~counted[..., None], 0).sum(1)
        return self.embed(total / counted.sum(1, keepdim=True))  # type: ignore[no-any-return]


def places(sequence: str, count: int = PLACES) -> list[int]:
    """Token ids of the first residues, </s>, and padding up to `count` places."""
    letters = " ".join(re.sub("[UZOB]", "X", sequence.upper())).split()[: count - 1]
    found = [_IDS[letter] for letter in letters] + [END]
    return found + [0] * (count - len(found))


def embed_as_released(model: PlainStudent, sequences: Sequence[str]) -> list[list[float]]:
    """Ten at a time in the order given, each padded to 1,001 tokens; lists of numbers."""
    found: list[list[float]] = []
    with torch.no_grad():
        for part in _parts(sequences, TOGETHER):
            tokens = [places(sequence) for sequence in part]
            found += model(torch.tensor(tokens)).tolist()
    return found


def embed_sorted(model: PlainStudent, sequences: Sequence[str]) -> Tensor:
    """Ten at a time by length, padded to the longest, mean of the residues; [protein, 1280]."""
    order = sorted(range(len(sequences)), key=lambda row: -len(sequences[row]))
    found = torch.empty(len(sequences), WIDTH)
    with torch.no_grad():
        for rows in _parts(order, TOGETHER):
            tokens = _to_longest([sequences[row] for row in rows])
            vectors = model(tokens, (tokens != 0) & (tokens != END))
            found[torch.tensor(rows)] = vectors.float()
    return found


class PlainTrainer:
    """Steps of sixteen proteins a batch and two batches a step, as released.

    Parameters
    ----------
    model
        What learns.
    sequences
        Proteins, in the order they are learnt.
    taught
        Of each teacher a list of vectors, which are lists, in the order of `sequences`.
    by_length
        Sort them and pad to the longest of a batch; False: to 1,001 tokens.
    """

    def __init__(
        self,
        model: PlainStudent,
        sequences: Sequence[str],
        taught: Sequence[Sequence[list[float]]],
        *,
        by_length: bool,
    ) -> None:
        self.model = model.train()
        self.sequences, self.taught, self.by_length = sequences, taught, by_length
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.0)

    def learn(self, *, mixed: bool) -> float:
        """One optimizer step on all proteins; the mean loss."""
        rows = list(range(len(self.sequences)))
        if self.by_length:
            rows.sort(key=lambda row: -len(self.sequences[row]))
        batches = list(_parts(rows, STEP))
        total = 0.0
        for batch in batches:
            with torch.autocast("cpu", torch.bfloat16) if mixed else nullcontext():
                loss = self._loss(batch) / len(batches)
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total

    def _loss(self, rows: Sequence[int]) -> Tensor:
        chosen = [self.sequences[row] for row in rows]
        if self.by_length:
            tokens = _to_longest(chosen)
            vectors = self.model(tokens, (tokens != 0) & (tokens != END))
        else:
            vectors = self.model(torch.tensor([places(sequence) for sequence in chosen]))
        answers = [head(vectors) for head in self.model.teachers]
        targets = [torch.tensor([every[row] for row in rows]) for every in self.taught]
        return divergences(answers, targets)


def divergences(answers: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Sum over teachers of KL(softmax(target) ‖ softmax(answer)), its mean over proteins."""
    losses = [
        functional.kl_div(mine.log_softmax(1), theirs.softmax(1), reduction="batchmean")
        for mine, theirs in zip(answers, targets, strict=True)
    ]
    return torch.stack(losses).sum()


def _to_longest(sequences: Sequence[str]) -> Tensor:
    count = min(PLACES, max(map(len, sequences)) + 1)
    return torch.tensor([places(sequence, count) for sequence in sequences])


def _parts(values: Sequence[Any], size: int) -> list[Any]:
    return [values[start : start + size] for start in range(0, len(values), size)]
