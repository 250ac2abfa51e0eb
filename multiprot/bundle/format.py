"""Names and versions of the bundle format, version 1.

A bundle is one folder::

    bundle.json           format, versions, content hash, size and SHA-256 of every other file
    config.yaml           model (ModelConfig) and objectives (list of ObjectiveSection)
    plugins.lock.json     which encoders it was built with: distribution, versions, options
    model.safetensors     all tensors of the FusionModel, except adapters
    provenance.json       what it was trained on, how, by which command, with which result
    card.md               the same for people
    ontology.json.gz      the GO release, where the model has a GO encoder
    heads.safetensors     state of the objectives, for evaluation and for training on
    terms.safetensors     calibrated readout of GO terms
    adapters.safetensors  what adapters beside a frozen base learnt (LoRA), where there are any
    trained_on.npy        hashes of the sequences that it was trained or validated on
    prediction.safetensors  head that predicts what a task asks for, where it was fine-tuned

The last six are optional. Nothing in it is executable and nothing is a pickle.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from multiprot.bundle.manifest import FileEntry, ManifestKind
from multiprot.errors import BundleError

BUNDLE: Final = ManifestKind("bundle.json", "multiprot-bundle", 1, "model bundle", BundleError)

CONFIG: Final = "config.yaml"
LOCK: Final = "plugins.lock.json"
MODEL: Final = "model.safetensors"
PROVENANCE: Final = "provenance.json"
CARD: Final = "card.md"
ONTOLOGY: Final = "ontology.json.gz"
HEADS: Final = "heads.safetensors"
TERMS: Final = "terms.safetensors"
ADAPTERS: Final = "adapters.safetensors"
TRAINED_ON: Final = "trained_on.npy"
PREDICTION: Final = "prediction.safetensors"

REQUIRED: Final = (CONFIG, LOCK, MODEL, PROVENANCE, CARD)
OPTIONAL: Final = (ONTOLOGY, HEADS, TERMS, ADAPTERS, TRAINED_ON, PREDICTION)

_DECIDES_VECTORS: Final = (CONFIG, LOCK, MODEL, ADAPTERS)


def content_hash(files: Mapping[str, FileEntry], ontology_hash: str | None) -> str:
    """SHA-256, in hex, of what decides a model's vectors.

    Two bundles with the same content hash give the same vectors; card, provenance, heads and
    calibration do not count.

    Parameters
    ----------
    files
        The bundle's files.
    ontology_hash
        `GeneOntology.content_hash`, since one ontology may be compressed to different bytes.
    """
    lines = [f"{name} {files[name].sha256}" for name in _DECIDES_VECTORS if name in files]
    lines.append(f"ontology {ontology_hash}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
