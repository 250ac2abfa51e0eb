"""Spans as one tag per residue: O outside, B, I and E where a span begins, continues and ends."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from multiprot.encoders.contract import SpanTargets, SpanVocabulary

OUTSIDE = 0
UNKNOWN = -1
"""In place of a tag: nothing is known of this residue."""
BEGIN, INSIDE, END = 1, 2, 3
PER_CLASS = 3


def tag_count(classes: int) -> int:
    """Tags of so many classes, and O."""
    return 1 + PER_CLASS * classes


def span_classes(vocabulary: SpanVocabulary, kinds: Sequence[str], min_proteins: int) -> Tensor:
    """int64 [entry]: number of each entry's class; `UNKNOWN` where it is too rare; -2: other kind.

    Parameters
    ----------
    vocabulary
        What the train proteins have.
    kinds
        Sorts of spans that are told apart.
    min_proteins
        Train proteins that an entry needs.
    """
    classes, number = [], 0
    for (kind, _), proteins in zip(vocabulary.entries, vocabulary.proteins, strict=True):
        wanted = kind in kinds
        learnt = wanted and proteins >= min_proteins
        classes.append(number if learnt else UNKNOWN if wanted else OTHER_KIND)
        number += learnt
    return torch.tensor(classes, dtype=torch.int64)


OTHER_KIND = -2
"""In place of a class: the entry is of a kind that is not asked for."""


def tags_of(spans: SpanTargets, classes: Tensor, kinds: Tensor, residue_mask: Tensor) -> Tensor:
    """int64 [protein, residue]: tag of each residue, `UNKNOWN` where nothing is known.

    A residue in several spans gets the shortest's tag, whole spans compared, and of equally long
    ones the last's. Of a span of one residue the tag is B, and a span that a crop has cut begins or
    ends with I.

    Parameters
    ----------
    spans
        Of the batch.
    classes
        As `span_classes` gives them.
    kinds
        bool [kind]: which are asked for; of a protein that has none, every residue is unknown.
    residue_mask
        bool [protein, residue].
    """
    known = spans.known[:, kinds].any(dim=1, keepdim=True)
    tags = torch.where(residue_mask & known, OUTSIDE, UNKNOWN)
    number = torch.where(spans.entry < 0, UNKNOWN, classes[spans.entry.clamp(min=0)])
    asked = kinds[spans.kind]
    # Long spans are written first, so that short ones stand on them.
    order = asked.nonzero().squeeze(1)
    order = order[spans.size[order].argsort(descending=True, stable=True)]
    sizes = (spans.stop - spans.start)[order]
    owner = torch.repeat_interleave(torch.arange(len(order), device=order.device), sizes)
    within = torch.arange(len(owner), device=order.device) - (sizes.cumsum(0) - sizes)[owner]
    span = order[owner]
    first = (within == 0) & spans.begins[span]
    last = (within == sizes[owner] - 1) & spans.ends[span]
    part = torch.where(first, BEGIN, torch.where(last, END, INSIDE))
    tag = torch.where(number[span] == UNKNOWN, UNKNOWN, part + PER_CLASS * number[span])
    place = spans.protein[span] * tags.shape[1] + spans.start[span] + within
    return _last_written(tags, place, tag)


def _last_written(tags: Tensor, place: Tensor, tag: Tensor) -> Tensor:
    """`tags` with `tag` at the flat positions `place`; of several for one place, the last.

    Writing by index leaves open which of several values stays, so the last is looked for.
    """
    if not len(place):
        return tags
    latest = torch.full((tags.numel(),), -1, dtype=torch.int64, device=tags.device)
    turn = torch.arange(len(place), device=tags.device)
    latest = latest.scatter_reduce(0, place, turn, reduce="amax")
    written = latest >= 0
    flat = tags.flatten().clone()
    flat[written] = tag[latest[written]]
    return flat.view_as(tags)


def tag_residues(vocabulary: SpanVocabulary, kinds: Sequence[str], classes: Tensor) -> Tensor:
    """float64 [tag]: in how many residues of the train proteins each tag stands.

    Overlaps are not looked at: each span counts as if it stood alone.
    """
    counts = torch.zeros(tag_count(int(classes.max().clamp(min=-1)) + 1), dtype=torch.float64)
    inside = 0
    for number, spans, singles, residues in zip(
        classes.tolist(), vocabulary.spans, vocabulary.singles, vocabulary.residues, strict=True
    ):
        if number == OTHER_KIND:
            continue
        inside += residues
        if number >= 0:
            first = PER_CLASS * number
            ends = spans - singles
            counts[first + BEGIN] = spans
            counts[first + END] = ends
            counts[first + INSIDE] = residues - spans - ends
    known = sum(count for found, count in vocabulary.known_residues if set(found) & set(kinds))
    counts[OUTSIDE] = max(known - inside, 0)
    return counts
