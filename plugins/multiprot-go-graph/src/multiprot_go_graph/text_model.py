"""Texts in, one vector per text out, through a text encoder that is read here and let go."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from multiprot.encoders.pretrained import first_line, load_pretrained, quiet_transformers
from multiprot.errors import PluginError
from multiprot_go_graph.checkpoint import TextCheckpoint
from multiprot_go_graph.options import GoTextOptions

_LOG: Final = logging.getLogger("multiprot_go_graph")
_PATIENCE: Final = 5.0
"""Seconds after which the time that is still needed is told, if it is more than a minute."""


def text_vectors(
    checkpoint: TextCheckpoint, texts: Mapping[str, str], options: GoTextOptions
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Vectors float32 [text, channel], and the ids whose text was cut.

    A text's vector is the mean of its tokens, the model's own first and last ones included as in
    sentence-transformers, or its first token. It depends on no other text.

    Parameters
    ----------
    checkpoint
        The text encoder.
    texts
        Text by term id, in the order of the result.
    options
        The encoder's.

    Raises
    ------
    PluginError
        If a text is longer than the model takes and `max_tokens` does not allow to cut it, if most
        tokens are unknown to the model, or its weights are missing, damaged or not finite.
    """
    tokenizer = _tokenizer(checkpoint)
    tokens, cut = _tokenised(tokenizer, checkpoint, texts, options.max_tokens)
    _refuse_strange_tokens(tokenizer, tokens, checkpoint)
    model = _model(checkpoint).to(_device(options.device))
    lengths = np.array([len(text) for text in tokens])
    found = np.zeros((len(tokens), checkpoint.width), np.float32)
    clock = _Clock(lengths, options.device)
    for rows in _batches(lengths, options.tokens_per_batch):
        ids, mask = _padded([tokens[row] for row in rows], tokenizer.pad_token_id)
        pooled = _pooled(model, ids.to(model.device), mask.to(model.device), checkpoint)
        found[rows] = pooled.cpu().numpy()
        clock.passed(rows)
    if not np.isfinite(found).all():
        raise PluginError(f"go-text: vectors of {checkpoint.folder} are not finite; download again")
    return found, cut


def _padded(texts: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Token ids [text, token], padded on the right, and which are no padding."""
    longest = max(len(text) for text in texts)
    ids = torch.full((len(texts), longest), pad)
    mask = torch.zeros(len(texts), longest, dtype=torch.int64)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = 1
    return ids, mask


def _pooled(model: Any, ids: Tensor, mask: Tensor, checkpoint: TextCheckpoint) -> Tensor:
    """Vectors [text, channel] of one padded batch."""
    with torch.no_grad():
        hidden: Tensor = model(input_ids=ids, attention_mask=mask).last_hidden_state
    if checkpoint.pooling == "first":
        pooled = hidden[:, 0]
    else:
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * weights).sum(dim=1) / weights.sum(dim=1)
    return torch.nn.functional.normalize(pooled, dim=1) if checkpoint.unit_length else pooled


def _tokenised(
    tokenizer: Any, checkpoint: TextCheckpoint, texts: Mapping[str, str], max_tokens: int | None
) -> tuple[list[list[int]], tuple[str, ...]]:
    """Token ids of each text, and the ids of texts that were cut."""
    limit = min(checkpoint.max_tokens or tokenizer.model_max_length, tokenizer.model_max_length)
    if max_tokens is not None and max_tokens > limit:
        raise PluginError(
            f"go-text: max_tokens {max_tokens} is more than the {limit} that {checkpoint.folder} "
            "takes"
        )
    # Said out loud, because a tokenizer's own file may ask for truncation.
    whole = tokenizer(list(texts.values()), truncation=False, padding=False, verbose=False)
    tokens = dict(zip(texts, whole["input_ids"], strict=True))
    longer = {i: len(ids) for i, ids in tokens.items() if len(ids) > (max_tokens or limit)}
    if longer and max_tokens is None:
        longest = max(longer, key=longer.__getitem__)
        raise PluginError(
            f"go-text: {len(longer)} of {len(texts)} texts are longer than the {limit} tokens that "
            f"{checkpoint.folder} takes, the longest is that of {longest} with {longer[longest]}; "
            f"max_tokens={limit} cuts them, definitions=false reads names alone"
        )
    if longer:
        cut = tokenizer([texts[i] for i in longer], truncation=True, max_length=max_tokens)
        tokens.update(zip(longer, cut["input_ids"], strict=True))
        _LOG.warning(
            "go-text: cut %d of %d texts to %s tokens", len(longer), len(texts), max_tokens
        )
    return list(tokens.values()), tuple(longer)


def _refuse_strange_tokens(
    tokenizer: Any, tokens: Sequence[Sequence[int]], checkpoint: TextCheckpoint
) -> None:
    """Raise if the tokenizer is not the model's or knows another language."""
    every = np.concatenate([np.asarray(text) for text in tokens])
    if every.max(initial=0) >= checkpoint.vocabulary:
        raise PluginError(
            f"go-text: {checkpoint.folder}: token {every.max()} for a model of "
            f"{checkpoint.vocabulary} tokens; tokenizer and config.json do not belong together"
        )
    frame = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    words = every[~np.isin(every, list(frame))]
    unknown = float(np.mean(words == tokenizer.unk_token_id)) if len(words) else 0.0
    if unknown > 0.5:
        raise PluginError(
            f"go-text: {unknown:.0%} of all tokens are unknown to {checkpoint.folder}; is it a "
            "model of English text?"
        )


def _batches(lengths: NDArray[np.int64], tokens: int) -> Iterator[NDArray[np.int64]]:
    """Rows by length, the longest first, so that memory runs out at once or not at all."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = start + max(1, tokens // int(lengths[order[start]]))
        yield order[start:stop]
        start = stop


class _Clock:
    """Tells once how long the texts will take, if that is long."""

    def __init__(self, lengths: NDArray[np.int64], device: str) -> None:
        self._lengths, self._device = lengths, device
        self._done, self._began, self._told = 0, time.monotonic(), False

    def passed(self, rows: NDArray[np.int64]) -> None:
        """These texts are done."""
        self._done += int(self._lengths[rows].sum())
        spent = time.monotonic() - self._began
        if self._told or spent < _PATIENCE:
            return
        self._told = True
        whole = spent * int(self._lengths.sum()) / self._done
        if whole > 60:
            _LOG.warning(
                "go-text: %d texts on %s take about %.0f minutes; the page go-graph of the "
                "documentation shows how to keep the vectors",
                len(self._lengths),
                self._device,
                whole / 60,
            )


def _tokenizer(checkpoint: TextCheckpoint) -> Any:
    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(
                checkpoint.folder, local_files_only=True, trust_remote_code=False
            )
    except Exception as error:
        # transformers and tokenizers have no common error for damaged files.
        raise PluginError(
            f"go-text: {checkpoint.folder} has no usable tokenizer ({first_line(error)}); is it "
            "a whole checkpoint?"
        ) from None
    if tokenizer.pad_token_id is None:
        raise PluginError(
            f"go-text: the tokenizer of {checkpoint.folder} has no token for padding; "
            "text encoders have one"
        )
    return tokenizer


def _model(checkpoint: TextCheckpoint) -> Any:
    """The text encoder in evaluation mode, every tensor but the unused pooler accounted for."""
    model = load_pretrained(
        AutoModel, checkpoint.folder, "go-text", spared="pooler", trust_remote_code=False
    )
    return model.eval()


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise PluginError(f"go-text: device {name!r} cannot be used: {error}") from None
    return device
