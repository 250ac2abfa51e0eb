"""Models opened as sources of vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from multiprot.embedding import Embedder, EmbeddingStore, EmbedOptions
from multiprot.embedding.progress import Watch, unwatched
from multiprot.evaluation.features.baseline_source import BaselineSource
from multiprot.evaluation.features.cache import VectorCache
from multiprot.evaluation.features.embedder_source import EmbedderSource
from multiprot.evaluation.features.reference import RANDOM, ModelKind, ModelReference
from multiprot.evaluation.features.source import FeatureSource
from multiprot.evaluation.features.stored import StoreSource

if TYPE_CHECKING:
    from multiprot.evaluation.structures import StructureLibrary

_RANDOM_ENCODER: Final = "residue-transformer"


def open_source(
    reference: ModelReference,
    *,
    cache: Path,
    device: str = "cpu",
    options: EmbedOptions | None = None,
    watch: Watch = unwatched,
    structures: StructureLibrary | None = None,
) -> FeatureSource:
    """A model, ready to give vectors.

    Parameters
    ----------
    reference
        Which one.
    cache
        Folder that keeps what models compute.
    device
        Where models compute.
    options
        How they embed.
    watch
        Gives the counters of each run of embedding; `multiprot evaluate` draws a bar with it.
    structures
        Of the proteins, for models that look at them.

    Raises
    ------
    BundleError, ConfigError, EmbeddingError, PluginError
        If the model cannot be opened.
    """
    if reference.kind is ModelKind.STORE:
        return StoreSource(EmbeddingStore.open(reference.target), reference.name)
    if reference.kind is ModelKind.BASELINE and reference.target != RANDOM:
        return BaselineSource(reference.target, reference.name)
    drawn = reference.kind is ModelKind.BASELINE
    target = _RANDOM_ENCODER if drawn else reference.target
    embedder = Embedder.open(target, device=device, options=options)
    return EmbedderSource(embedder, reference.name, VectorCache(cache), watch, structures)
