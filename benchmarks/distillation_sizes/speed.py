"""Residues per second of every model, all in turn."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from statistics import median

from multiprot.embedding import Embedder, EmbedOptions
from multiprot.encoders.plugin import Precision
from multiprot.proteins import ProteinRecord


def residues_per_second(
    models: Mapping[str, str],
    records: Sequence[ProteinRecord],
    rounds: int,
    precision: Precision = "fp32",
) -> dict[str, int]:
    """Model -> median over rounds; the first round is not counted.

    Parameters
    ----------
    models
        Name -> what `multiprot embed --model` takes.
    records
        Proteins that all embed.
    rounds
        That count.
    precision
        Arithmetic of all of them.
    """
    options = EmbedOptions(precision=precision)
    embedders = {name: Embedder.open(model, options=options) for name, model in models.items()}
    seconds: dict[str, list[float]] = {name: [] for name in embedders}
    for number in range(rounds + 1):
        names = list(embedders)
        turn = number % max(1, len(names))
        for name in names[turn:] + names[:turn]:
            began = time.perf_counter()
            embedders[name].embed(records)
            if number:
                seconds[name].append(time.perf_counter() - began)
    residues = sum(map(len, records))
    return {name: round(residues / median(runs)) for name, runs in seconds.items()}
