"""What tests of the token cache share: a source of tokens, and filling without words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from multiprot.data import Corpus
from multiprot.data.token_cache.encode import TokenSource
from multiprot.data.token_cache.fill import FillPlan, fill
from multiprot.data.token_cache.folder import TokenFolder
from multiprot.data.token_cache.identity import TokenIdentity
from multiprot.data.token_cache.inputs import InputHash
from multiprot.encoders.plugin import Modality
from tests.frozen_encoders import (
    FrozenOptions,
    frozen_backbone,
    frozen_letters,
    registry_with_guests,
)


def source_of(
    modality: Modality = Modality.SEQUENCE,
    *,
    dtype: Any = "fp32",
    windows: bool = False,
    seed: int = 0,
    **options: Any,
) -> TokenSource:
    """A frozen guest with random weights."""
    plugin = frozen_letters if modality is Modality.SEQUENCE else frozen_backbone
    chosen = FrozenOptions(**options)
    torch.manual_seed(seed)
    encoder: Any = plugin.build(chosen)
    return TokenSource(
        encoder=encoder.eval(),
        identity=TokenIdentity.of(registry_with_guests(), plugin, chosen, encoder, dtype),
        inputs=InputHash(structure=modality is Modality.STRUCTURE),
        max_residues=chosen.max_residues,
        device=torch.device("cpu"),
        windows=windows,
        tokens_per_batch=300,
    )


def filled(
    cache: Path,
    source: TokenSource,
    corpus: Corpus,
    *,
    rows: Any = None,
    said: list[str] | None = None,
    progress: Any = lambda stage, done, total: None,
) -> tuple[TokenFolder, FillPlan]:
    """The folder with all of `rows`, by default the whole corpus, and what was missing."""
    folder = TokenFolder(cache, source.identity)
    plan = fill(
        folder,
        source,
        corpus,
        np.arange(len(corpus)) if rows is None else np.asarray(rows),
        progress=progress,
        say=([] if said is None else said).append,
    )
    return folder, plan
