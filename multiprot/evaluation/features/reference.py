"""What a user calls a model, before it is opened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from multiprot.bundle.format import BUNDLE, PROVENANCE
from multiprot.embedding.store_format import STORE
from multiprot.errors import EvaluationError
from multiprot.evaluation.baselines import find_baseline

BASELINE: Final = "baseline"
RANDOM: Final = "random-encoder"
"""The baseline that is an encoder with the weights it was born with."""


class ModelKind(StrEnum):
    """Where vectors come from."""

    BASELINE = "baseline"
    STORE = "store"
    BUNDLE = "bundle"
    ENCODER = "encoder"


@dataclass(frozen=True, slots=True)
class ModelReference:
    """A model that is to be compared.

    Attributes
    ----------
    kind
        Where its vectors come from.
    name
        As tables show it.
    target
        Folder, encoder or baseline.
    """

    kind: ModelKind
    name: str
    target: str

    @classmethod
    def parse(cls, text: str) -> ModelReference:
        """From "MODEL" or "NAME=MODEL".

        Parameters
        ----------
        text
            MODEL is the folder of a bundle or of an embedding store, an encoder alone
            ("esm2:/path/to/weights"), or a baseline ("baseline:kmer", "baseline:random-encoder").

        Raises
        ------
        EvaluationError
            If there is no such baseline.
        """
        name, separator, target = text.partition("=")
        if not separator or not name or "/" in name or ":" in name or Path(text).is_dir():
            name, target = "", text
        kind, _, rest = target.partition(":")
        if kind == BASELINE:
            if rest != RANDOM:
                find_baseline(rest)
            return cls(ModelKind.BASELINE, name or target, rest)
        if STORE.is_in(target):
            return cls(ModelKind.STORE, name or Path(target).resolve().name, target)
        if BUNDLE.is_in(target):
            return cls(ModelKind.BUNDLE, name or _bundle_name(Path(target)), target)
        short = f"{kind}:{Path(rest).name}" if rest else kind
        return cls(ModelKind.ENCODER, name or short, target)


def parse_models(texts: Sequence[str]) -> list[ModelReference]:
    """As `ModelReference.parse`, several.

    Raises
    ------
    EvaluationError
        If two have the same name, which must tell them apart in tables.
    """
    found: dict[str, ModelReference] = {}
    for text in texts:
        reference = ModelReference.parse(text)
        if reference.name in found:
            raise EvaluationError(
                f"{text}: a second model called {reference.name!r}; give it a name of its own, "
                f"OTHER={reference.target}"
            )
        found[reference.name] = reference
    return list(found.values())


def _bundle_name(folder: Path) -> str:
    """What it was called when it was trained, or else its folder's name; it is checked later."""
    try:
        told = json.loads((folder / PROVENANCE).read_text(encoding="utf-8")).get("name")
    except (OSError, ValueError, AttributeError):
        told = None
    return str(told or folder.resolve().name)
