"""A teacher that is asked at each batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from multiprot.data.teaching import Answer
from multiprot.embedding.embedder import Embedder
from multiprot.embedding.embeddings import EmbeddedProtein
from multiprot.proteins import ProteinRecord
from multiprot.training.teachers.config import TeacherConfig


class LiveTeacher:
    """Embeds whole proteins, as `multiprot embed` would, whenever a batch holds them.

    A store costs this once for each protein instead of once for each epoch.

    Parameters
    ----------
    model
        Folder of a bundle, or an encoder.
    config
        What is wanted of it.
    device
        Where it computes.

    Raises
    ------
    BundleError, ConfigError, PluginError
        As `Embedder.open`.
    """

    def __init__(self, model: str, config: TeacherConfig, device: str = "cpu") -> None:
        self._embedder = Embedder.open(model, device=device, options=config.embed_options())
        self._residues = config.residues
        self.width = self._embedder.width
        self.token_width = self.width if config.residues else 0
        self.teaches_crops = config.teach_crops
        self.content_hash = self._embedder.model.identity.content_hash

    @property
    def source(self) -> Mapping[str, Any]:
        """Whose vectors these are, plain data for the card."""
        model = self._embedder.model
        return {"model": model.identity.to_json(), "pooling": model.pooling}

    def knows(self, sequence: str) -> bool:
        """It can be asked for any; what it then refuses has no answer."""
        return True

    def answers(self, records: Sequence[ProteinRecord]) -> list[Answer | None]:
        """As `Teacher.answers`; what it cannot embed it does not know."""
        made = self._embedder.outcomes(records, residues=self._residues)
        return [
            Answer(each.vector, each.residues) if isinstance(each, EmbeddedProtein) else None
            for each in made
        ]
