"""What must be the same for shards to belong into one store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from multiprot.embedding.embedder import Embedder
from multiprot.errors import EmbeddingError


@dataclass(frozen=True, slots=True)
class RunHeader:
    """Model and settings of a run, as they are written into the manifest.

    Attributes
    ----------
    content
        Plain values.
    """

    content: Mapping[str, Any]

    @classmethod
    def of(cls, embedder: Embedder, *, residues: bool, device: str | None = None) -> RunHeader:
        """The header of what `embedder` will make, on a device of this kind."""
        return cls(
            {
                "multiprot_version": version("multiprot"),
                "model": embedder.model.identity.to_json(),
                "space": embedder.options.space,
                "pooling": embedder.model.pooling,
                "width": embedder.width,
                "residues": residues,
                "max_residues": embedder.max_residues,
                "options": embedder.options.model_dump(mode="json"),
                "device": device or embedder.model.device.type,
            }
        )

    @property
    def hash(self) -> str:
        """SHA-256, in hex, of what decides the vectors: not of where the model lay or ran."""
        deciding = _deciding(self.content)
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()

    def refuse_other(self, begun: RunHeader, place: str) -> None:
        """Raise `EmbeddingError`, naming what differs, if a run was begun with another header."""
        if self.hash == begun.hash:
            return
        now, then = _flat(_deciding(self.content)), _flat(_deciding(begun.content))
        apart = [key for key in sorted(now | then) if now.get(key) != then.get(key)]
        told = "; ".join(f"{key} was {then.get(key)!r}, is {now.get(key)!r}" for key in apart)
        raise EmbeddingError(
            f"{place}: begun with other settings ({told}); resume with those it was begun with, or "
            "start anew with --overwrite"
        )


def _deciding(content: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in content.items() if key not in ("device", "pooling")}
    model = content["model"]
    kept["model"] = {"name": model["name"], "content_hash": model["content_hash"]}
    return kept


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
