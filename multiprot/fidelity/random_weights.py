"""A student's own shape with the weights it would be born with: what is to be gained upon."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import torch

from multiprot.bundle import Bundle, save_bundle
from multiprot.embedding import Embedder
from multiprot.embedding.models.bundle_model import BundleModel
from multiprot.embedding.models.encoder_model import EncoderModel
from multiprot.encoders.registry import Registry
from multiprot.errors import FidelityError
from multiprot.evaluation.features import ModelKind, ModelReference
from multiprot.fidelity.facts import student_folder
from multiprot.fusion import build_model
from multiprot.student.checkpoint import StudentSettings, read_settings, save_student
from multiprot.student.model import Student

NAME: Final = "random weights"
_SEED: Final = 0


def random_like(embedder: Embedder, folder: Path) -> ModelReference:
    """Write a model of the same shape with random weights, and say how to open it.

    Parameters
    ----------
    embedder
        With the student: a bundle, or a student that was saved.
    folder
        Where to put it; replaced if it is there.

    Raises
    ------
    FidelityError
        If it is neither.
    """
    model = embedder.model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        if isinstance(model, BundleModel):
            _save_bundle(model.bundle, folder)
            return ModelReference(ModelKind.BUNDLE, NAME, str(folder))
        saved = student_folder(model) if isinstance(model, EncoderModel) else None
        if saved is None:
            raise FidelityError(
                f"{model.identity.source}: nobody here knows how to give it random weights; name "
                "what it is to be better than, --random baseline:random-encoder or --random MODEL"
            )
        _save_student(saved, folder)
        return ModelReference(ModelKind.ENCODER, NAME, f"student:{folder}")


def _save_bundle(bundle: Bundle, folder: Path) -> None:
    # Its config holds portable options, which rebuild every encoder without its weights.
    model = build_model(bundle.config, Registry.discover(), bundle.ontology)
    save_bundle(
        folder,
        model=model,
        model_config=bundle.config,
        ontology=bundle.ontology,
        provenance={"name": NAME, "summary": f"The shape of {bundle.name}, untrained."},
        overwrite=True,
    )


def _save_student(saved: Path, folder: Path) -> None:
    config = read_settings(saved).config
    if folder.exists():
        shutil.rmtree(folder)
    settings = StudentSettings(config, None, {"name": NAME})
    save_student(folder, Student(config), settings, card=f"# {NAME}\n\nUntrained.\n")
