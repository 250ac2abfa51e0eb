"""Small students that do not look like freshly initialised ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from multiprot.export import ExportSource, ModelExport, export_model, open_source
from multiprot.student.checkpoint import StudentSettings, save_student
from multiprot.student.config import StudentConfig
from multiprot.student.model import Student


def lively_student(config: StudentConfig, seed: int = 0) -> Student:
    """A student whose norms have weights and biases of their own, as training leaves them."""
    torch.manual_seed(seed)
    made = Student(config).eval()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if "norm" in name:
                parameter.add_(0.4 * torch.randn_like(parameter))
    return made


def saved(folder: Path, config: StudentConfig, seed: int = 0) -> Path:
    settings = StudentSettings(config, None, {"name": "lively"})
    save_student(folder, lively_student(config, seed), settings, card="# x\n")
    return folder


@pytest.fixture(scope="session")
def student_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("student") / "s", StudentConfig(width=128, layers=2))


@pytest.fixture(scope="session")
def source(student_folder: Path) -> ExportSource:
    return open_source(student_folder)


@pytest.fixture(scope="session")
def exported(
    student_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Any], ModelExport]:
    """Exports of the student, each made once; tests must not change them."""
    done: dict[str, ModelExport] = {}

    def export(to: Any) -> ModelExport:
        if to not in done:
            folder = tmp_path_factory.mktemp("export") / "folder"
            done[to] = export_model(student_folder, folder, to)
        return done[to]

    return export
