"""A student on disk: a folder of its shape, its tensors, its card and what it learnt from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor

from multiprot.encoders.tensor_files import (
    fill_module,
    load_tensors,
    refuse_non_finite,
    save_tensors,
)
from multiprot.errors import BundleError, PluginError
from multiprot.files import atomic_folder, read_bytes
from multiprot.student.config import StudentConfig
from multiprot.student.model import Student

FORMAT: Final = "multiprot-student"
FORMAT_VERSION: Final = 1
SETTINGS: Final = "student.json"
TENSORS: Final = "model.safetensors"
CARD: Final = "README.md"
TRAINED_ON: Final = "trained_on.npy"

_TYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16}


class StudentSettings(NamedTuple):
    """What student.json says.

    Attributes
    ----------
    config
        The model's shape.
    crop_residues
        Residues of the longest piece it was trained on.
    provenance
        How it came to be, plain data.
    """

    config: StudentConfig
    crop_residues: int | None
    provenance: Mapping[str, Any]


def save_student(
    folder: Path,
    student: Student,
    settings: StudentSettings,
    *,
    card: str,
    digests: NDArray[np.uint64] | None = None,
    precision: Literal["fp32", "bf16"] = "fp32",
    overwrite: bool = False,
) -> None:
    """Write a student, whole or not at all.

    Parameters
    ----------
    folder
        Where.
    student
        Its tensors must be finite.
    settings
        What goes into student.json.
    card
        The model card, Markdown.
    digests
        uint64 [sequence]: hashes of what it learnt from, as `TrainingSequences` has them; None:
        not recorded.
    precision
        Of the tensors on disk; "bf16" halves the file and rounds to three digits.
    overwrite
        Replace a folder that is there.

    Raises
    ------
    BundleError
        If a tensor holds NaN or infinity.
    OutputExistsError
        If the folder holds something and `overwrite` is not given.
    """
    refuse_non_finite(student, str(folder))
    tensors = {name: t.to(_TYPES[precision]) for name, t in student.state_dict().items()}
    told = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "config": settings.config.model_dump(mode="json"),
        "crop_residues": settings.crop_residues,
        "provenance": dict(settings.provenance),
    }
    with atomic_folder(folder, overwrite=overwrite) as partial:
        save_tensors(tensors, partial / TENSORS)
        (partial / SETTINGS).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        (partial / CARD).write_text(card, encoding="utf-8")
        if digests is not None:
            np.save(partial / TRAINED_ON, digests, allow_pickle=False)


def read_settings(folder: Path) -> StudentSettings:
    """What student.json says; reads no tensor.

    Raises
    ------
    PluginError
        If there is none, or it is damaged or of another version.
    """
    path = Path(folder) / SETTINGS
    if not path.is_file():
        raise PluginError(
            f"{folder}: no {SETTINGS} in it; give the folder of a student that was saved"
        )
    try:
        told = json.loads(read_bytes(path))
        if (told["format"], told["format_version"]) != (FORMAT, FORMAT_VERSION):
            raise ValueError(f"format {told['format']} {told['format_version']}")
        config = StudentConfig.model_validate(told["config"], strict=True)
        crop, provenance = told["crop_residues"], told["provenance"]
        if crop is not None and (type(crop) is not int or crop < 1):
            raise ValueError(f"crop_residues {crop!r} is no number of residues")
        if not isinstance(provenance, dict):
            raise ValueError(f"provenance {provenance!r} is no object")
        return StudentSettings(config, crop, provenance)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise PluginError(
            f"{path}: not the settings of a student that this multiprot reads ({error}); save the "
            "student again, or update multiprot"
        ) from None


def trained_on(folder: Path) -> Path | None:
    """The file of hashes of the sequences that a student learnt from, if there is one."""
    path = Path(folder) / TRAINED_ON
    return path if path.is_file() else None


def load_student(folder: Path) -> Student:
    """The student in `folder`, in float32, on the CPU, in evaluation mode.

    Raises
    ------
    PluginError
        If the folder holds none, or its tensors do not fit its settings or are no numbers.
    """
    settings = read_settings(folder)
    path = Path(folder) / TENSORS
    student = Student(settings.config)
    try:
        tensors, _ = load_tensors(path)
        widened = {name: _widened(tensor) for name, tensor in tensors.items()}
        told = "the settings in student.json"
        fill_module(student, widened, path, described_by=told)
        refuse_non_finite(student, str(path))
    except BundleError as error:
        raise PluginError(str(error)) from None
    return student.eval()


def _widened(tensor: Tensor) -> Tensor:
    """In float32 what was stored in half of it; any other type is no student's."""
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor
