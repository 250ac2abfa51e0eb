"""Filling the stores of a recipe's teachers."""

from __future__ import annotations

from pathlib import Path

from multiprot.data import Corpus
from multiprot.embedding.embedder import Embedder
from multiprot.embedding.progress import Progress
from multiprot.embedding.write import EmbedSummary, RunSettings, embed_to_store
from multiprot.errors import TrainingError
from multiprot.training.config import PretrainConfig
from multiprot.training.teachers.config import TeacherConfig


def with_stores(config: PretrainConfig) -> dict[str, TeacherConfig]:
    """The teachers whose stores can be made: those that have a model and a store.

    Raises
    ------
    TrainingError
        If there is none.
    """
    found = {name: each for name, each in config.teachers.items() if each.store and each.model}
    if not found:
        raise TrainingError(
            f"recipe {config.name}: no teacher has a model to embed with and a store to write; add "
            "teachers.NAME.model=MODEL and teachers.NAME.store=FOLDER"
        )
    return found


def fill_store(
    teacher: TeacherConfig,
    corpus: Corpus,
    *,
    device: str = "cpu",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> EmbedSummary:
    """Embed a corpus with a teacher; goes on with what a stopped run left, checks what is whole.

    Parameters
    ----------
    teacher
        With a model and a store.
    corpus
        All its splits.
    device
        Where the model computes.
    overwrite
        Make the store anew.
    progress
        Counters to keep up to date.

    Raises
    ------
    MultiprotError
        As `embed_to_store`; also if the store was made by another model or from another corpus.
    """
    embedder = Embedder.open(str(teacher.model), device=device, options=teacher.embed_options())
    settings = RunSettings(residues=teacher.residues, resume=not overwrite, overwrite=overwrite)
    return embed_to_store(
        [str(corpus.path)], embedder, Path(str(teacher.store)), settings, progress
    )
