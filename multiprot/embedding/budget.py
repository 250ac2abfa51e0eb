"""Batches of similar length under a budget of residues, padding included."""

from __future__ import annotations

from collections.abc import Sequence


def token_budget_batches(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Positions in `lengths`, grouped so that count times longest stays within `tokens`.

    Longest first, so that running out of memory shows at once. A length beyond the budget makes a
    batch of its own. Every position occurs exactly once.
    """
    order = sorted(range(len(lengths)), key=lambda position: -lengths[position])
    batches: list[list[int]] = []
    for position in order:
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= tokens:
            batches[-1].append(position)
        else:
            batches.append([position])
    return batches
