"""Writing a bundle."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from multiprot.bundle import format as layout
from multiprot.bundle.card import render_card
from multiprot.bundle.heads import save_objectives, save_readout
from multiprot.bundle.load import load_bundle
from multiprot.bundle.lock_file import BundleLock
from multiprot.bundle.manifest import FileEntry, write_manifest
from multiprot.bundle.parts import BundleConfig, BundleExtras
from multiprot.bundle.portable import portable_config
from multiprot.bundle.prediction import save_head
from multiprot.bundle.weights import save_model
from multiprot.encoders.registry import Registry
from multiprot.encoders.tensor_files import refuse_non_finite
from multiprot.errors import BundleError
from multiprot.files import atomic_folder, sha256

if TYPE_CHECKING:
    from multiprot.fusion import FusionModel, ModelConfig
    from multiprot.ontology import GeneOntology

_MADE_WITH: Final = ("multiprot", "torch", "numpy", "safetensors")


def save_bundle(
    path: Path | str,
    *,
    model: FusionModel,
    model_config: ModelConfig,
    provenance: Mapping[str, Any],
    ontology: GeneOntology | None = None,
    extras: BundleExtras | None = None,
    overwrite: bool = False,
) -> Path:
    """Save a model as a folder that is whole or absent, and load it once to be sure.

    Parameters
    ----------
    path
        The folder to make.
    model, model_config
        The model and what it was built from.
    provenance
        Plain JSON data: what it was trained on and how. `multiprot.bundle.card.SECTIONS` names
        the keys that every model card shows; others are kept and shown too. NaN and infinity
        become words.
    ontology
        What the GO encoder is bound to.
    extras
        Trained objectives, GO readout, hashes of what it learnt from, prediction head.
    overwrite
        Replace what lies at `path`.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    OutputExistsError
        If `path` holds anything, unless `overwrite`.
    BundleError
        If the model has diverged, does not fit its config, or the provenance is not plain JSON.
    """
    path, extras = Path(path), extras or BundleExtras()
    if (model_config.go is None) != (ontology is None):
        raise BundleError(
            f"{path}: a GO encoder and its ontology go together; the model has "
            f"{'no' if model_config.go is None else 'a'} GO encoder"
        )
    refuse_non_finite(model, str(path))
    objectives = () if extras.objectives is None else tuple(extras.objectives.sections)
    registry = extras.registry or Registry.discover()
    config = portable_config(
        BundleConfig(model=model_config, objectives=objectives), registry, model
    )
    with atomic_folder(path, overwrite=overwrite) as folder:
        adapters = save_model(model, folder)
        _write_optional(folder, ontology, extras)
        _write_texts(folder, config, provenance)
        weights = sha256(folder / layout.MODEL)
        adapted = None if adapters is None else sha256(adapters)
        BundleLock.of(config, registry, ontology, weights, adapted).write(folder / layout.LOCK)
        _write_manifest(folder, None if ontology is None else ontology.content_hash)
        load_bundle(folder, registry=registry)
    return path


def _write_optional(folder: Path, ontology: GeneOntology | None, extras: BundleExtras) -> None:
    if ontology is not None:
        ontology.save(folder / layout.ONTOLOGY)
    if extras.objectives is not None:
        refuse_non_finite(extras.objectives.module, "objectives")
        save_objectives(extras.objectives, folder / layout.HEADS)
    if extras.readout is not None:
        save_readout(extras.readout, folder / layout.TERMS)
    if extras.trained_on is not None:
        extras.trained_on.save(folder / layout.TRAINED_ON)
    if extras.prediction is not None:
        refuse_non_finite(extras.prediction, "prediction head")
        save_head(extras.prediction, folder / layout.PREDICTION)


def _write_texts(folder: Path, config: BundleConfig, provenance: Mapping[str, Any]) -> None:
    (folder / layout.CONFIG).write_text(config.to_yaml(), encoding="utf-8")
    try:
        text = json.dumps(_spelled(provenance), indent=1, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BundleError(f"provenance is not plain JSON data: {error}") from None
    (folder / layout.PROVENANCE).write_text(text + "\n", encoding="utf-8")
    card = render_card(
        json.loads(text), model=config.model.model_dump(mode="json"), versions=_versions()
    )
    (folder / layout.CARD).write_text(card, encoding="utf-8")


def _spelled(value: Any) -> Any:
    """`value` with NaN and infinity as words, which JSON does not have as numbers."""
    # A metric that came out undefined at the end of training must not cost the model.
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _spelled(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(entry) for entry in value]
    return value


def _write_manifest(folder: Path, ontology_hash: str | None) -> None:
    names = [file.name for file in folder.iterdir()]
    entries = {
        name: FileEntry((folder / name).stat().st_size, sha256(folder / name)) for name in names
    }
    header = {
        "multiprot_version": version("multiprot"),
        "created_with": _versions(),
        "content_hash": layout.content_hash(entries, ontology_hash),
    }
    write_manifest(folder, layout.BUNDLE, header, names)


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        **{distribution: version(distribution) for distribution in _MADE_WITH},
    }
