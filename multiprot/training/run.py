"""Pretraining from recipe to bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from multiprot.config import ResolvedConfig
from multiprot.data import Corpus
from multiprot.data.sequences import SequenceShards
from multiprot.encoders.registry import Registry
from multiprot.errors import ConfigError, TrainingError
from multiprot.training.checkpoint_files import newest_checkpoint, step_of
from multiprot.training.config import PretrainConfig
from multiprot.training.corpus import open_corpus
from multiprot.training.masked.config import MaskedConfig
from multiprot.training.masked.session import MaskedSession
from multiprot.training.parts import build_parts
from multiprot.training.processes import is_main_process
from multiprot.training.results import Results
from multiprot.training.run_folder import RunFolder
from multiprot.training.run_session import RunSession
from multiprot.training.session import Session
from multiprot.training.token_cache import with_token_cache
from multiprot.training.trainer import build_trainer, keyboard_interrupts, quiet_lightning

Recipe = PretrainConfig | MaskedConfig


def pretrain(
    resolved: ResolvedConfig[Any],
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Train what the recipe says; leaves a run folder with the model in it.

    Parameters
    ----------
    resolved
        The recipe, of a fused model or of a student.
    out
        The run's folder.
    resume
        Go on from the newest checkpoint in `out`.
    overwrite
        Remove a former run in `out` first.

    Raises
    ------
    OutputExistsError
        If `out` holds something and neither flag is given.
    TrainingError
        If there is nothing to resume, the recipe differs, or a loss is no number.
    TrainingInterrupted
        After Ctrl-C or SIGTERM; a checkpoint of the last step is there.
    """
    config, folder = resolved.value, RunFolder(Path(out))
    checkpoint = _checkpoint_to_resume(folder, config) if resume else None
    if not resume and is_main_process():
        folder.refuse_existing(overwrite=overwrite)
    with quiet_lightning(), keyboard_interrupts():
        _refuse_impossible(config, folder)
        session = _begin(resolved, folder, checkpoint)
        session.train()
        return session.finish()


def _refuse_impossible(config: Recipe, folder: RunFolder) -> None:
    """Raise, before anything is written, if the corpus, the machine or a safe place is missing."""
    build_trainer(config.trainer)
    if isinstance(config, MaskedConfig):
        SequenceShards.open(config.sequences)
        return
    cache = config.token_cache
    if cache is not None and cache.path.resolve().is_relative_to(folder.path.resolve()):
        raise ConfigError(
            f"token_cache.path {cache.path} lies in the run's folder {folder.path}, which "
            "--overwrite removes; choose a place that other runs may share, too"
        )
    if config.corpus.path is not None:
        Corpus.open(config.corpus.path)


def _begin(resolved: ResolvedConfig[Any], folder: RunFolder, checkpoint: Path | None) -> RunSession:
    """Write the recipe and build everything; a new run that cannot be built leaves no folder."""
    if not is_main_process():
        return _build(resolved.value, folder, checkpoint)
    if checkpoint is not None:
        folder.write_config(folder.with_former_origins(resolved))
        return _build(resolved.value, folder, checkpoint)
    folder.clear()
    try:
        folder.write_config(resolved)
        return _build(resolved.value, folder, None)
    except BaseException:
        folder.clear()
        raise


def _build(config: Recipe, folder: RunFolder, checkpoint: Path | None) -> RunSession:
    if isinstance(config, MaskedConfig):
        return MaskedSession(config, SequenceShards.open(config.sequences), folder, checkpoint)
    corpus = open_corpus(config.corpus, folder.corpus)
    registry = Registry.discover()
    parts = with_token_cache(config, build_parts(config, corpus, registry), registry)
    return Session(config, parts, folder, checkpoint)


def _checkpoint_to_resume(folder: RunFolder, config: Recipe) -> Path:
    folder.check_resumable(config)
    checkpoint = newest_checkpoint(folder.checkpoints)
    model = folder.student if isinstance(config, MaskedConfig) else folder.bundle
    if model.exists() and step_of(checkpoint) >= config.trainer.max_steps:
        raise TrainingError(
            f"{folder.path}: the run is complete after {step_of(checkpoint)} steps, its model is "
            f"{model}; to train on, give a larger trainer.max_steps"
        )
    return checkpoint
