"""How to open an embedder: what worker processes are given instead of the model itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from multiprot.embedding.embedder import Embedder
from multiprot.embedding.options import EmbedOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderSpec:
    """Arguments of `Embedder.open`, plain and picklable.

    Attributes
    ----------
    model
        Folder of a bundle, or NAME:CHECKPOINT.
    device
        "cpu", "cuda", "cuda:1", "mps".
    options
        How to embed.
    encoder_options
        Further options of an encoder, `KEY=VALUE`.
    allow_other_versions
        As in `load_bundle`.
    """

    model: str
    device: str = "cpu"
    options: EmbedOptions = field(default_factory=EmbedOptions)
    encoder_options: tuple[str, ...] = ()
    allow_other_versions: bool = False

    def open(self) -> Embedder:
        """The embedder; loads the model."""
        return Embedder.open(
            self.model,
            device=self.device,
            options=self.options,
            encoder_options=self.encoder_options,
            allow_other_versions=self.allow_other_versions,
        )

    def on(self, device: str) -> EmbedderSpec:
        """The same on another device."""
        return replace(self, device=device)
