"""Who a model is: parameters, hashes, licences, and what it was trained on."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from multiprot.embedding import Embedder
from multiprot.embedding.models.bundle_model import BundleModel
from multiprot.embedding.models.encoder_model import EncoderModel
from multiprot.embedding.models.model import EmbeddingModel
from multiprot.errors import PluginError
from multiprot.fidelity.vectors import ModelVectors
from multiprot.optional import installed_versions
from multiprot.student.checkpoint import SETTINGS, read_settings

NOT_STATED: Final = "not stated"

_LIBRARIES: Final = ("multiprot", "torch", "numpy", "scipy", "scikit-learn", "pyarrow")


def model_facts(
    embedder: Embedder, name: str, reference: str, vectors: ModelVectors
) -> dict[str, Any]:
    """What a card says of a model: fields of `ModelFacts`, all but its speed.

    Parameters
    ----------
    embedder
        With the model.
    name, reference
        As tables show it, and as it was asked for.
    vectors
        What it made of the proteins.
    """
    model = embedder.model
    return {
        "name": name,
        "reference": reference,
        "kind": model.identity.kind,
        "content_hash": model.identity.content_hash,
        "parameters": model.parameter_count,
        "width": embedder.width,
        "reads": tuple(sorted(embedder.modalities)),
        "used": vectors.used(),
        "pooling": model.pooling,
        "licences": licences(model),
        "corpus": provenance(model).get("corpus"),
        "warnings": model.identity.warnings,
    }


def licences(model: EmbeddingModel) -> dict[str, str]:
    """Of the whole and of its encoders' weights, as SPDX ids or in words."""
    told = provenance(model).get("licence")
    found = {"model": str(told) if told else NOT_STATED}
    for modality, capabilities in model.capabilities.items():
        stated = capabilities.weights_license
        if stated is not None:
            found[f"{modality.value} encoder"] = stated
    encoders = [licence for part, licence in found.items() if part != "model"]
    if isinstance(model, EncoderModel) and not told and encoders:
        # An encoder alone is all there is of the model.
        return {"model": encoders[0]}
    return found


def provenance(model: EmbeddingModel) -> Mapping[str, Any]:
    """What the model says about how it came to be; empty where it says nothing."""
    if isinstance(model, BundleModel):
        return model.bundle.provenance
    folder = student_folder(model)
    return {} if folder is None else read_settings(folder).provenance


def student_folder(model: EmbeddingModel) -> Path | None:
    """Where a student that was saved lies; None of any other model."""
    if not isinstance(model, EncoderModel):
        return None
    named = model.identity.source.partition(":")[2]
    candidates = [Path(named)] if named else []
    if model.trained_on is not None:
        candidates.append(Path(model.trained_on).parent)
    return next((folder for folder in candidates if _is_student(folder)), None)


def student_hash(model: Path | str) -> str:
    """Content hash of a model as a card names it, for `require_fidelity`.

    Parameters
    ----------
    model
        As `multiprot embed --model` takes it.

    Raises
    ------
    MultiprotError
        As `Embedder.open`.
    """
    return Embedder.open(model).model.identity.content_hash


def machine(device: str) -> dict[str, Any]:
    """What speed depends on."""
    import os

    import torch

    told: dict[str, Any] = {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": device,
        "python": platform.python_version(),
        # How many processes wanted a core in the last minute: others disturb what is measured.
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }
    if device.startswith("cuda"):
        told["accelerator"] = torch.cuda.get_device_name(device)
    return told


def library_versions() -> dict[str, str]:
    """Of what numbers depend on, where it is installed."""
    return installed_versions(_LIBRARIES)


def _is_student(folder: Path) -> bool:
    if not (folder / SETTINGS).is_file():
        return False
    try:
        read_settings(folder)
    except PluginError:
        return False
    return True


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or "unnamed"
