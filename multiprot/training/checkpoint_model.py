"""The model as it was at a checkpoint of a pretraining run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile

from multiprot.bundle import Bundle, load_bundle
from multiprot.errors import TrainingError
from multiprot.training.checkpoint_files import SafeCheckpointIO, list_checkpoints, step_of
from multiprot.training.run_folder import RunFolder

_PREFIX: Final = "model."


def checkpoint_models(run: Path) -> Iterator[tuple[int, Bundle]]:
    """Optimizer steps, ascending, and the model with the weights that it had then.

    Averaged weights (`averaging` in a recipe) are those of the finished run only: the models are
    those that were trained, step by step.

    Parameters
    ----------
    run
        Folder of a finished pretraining run. `trainer.checkpoints_kept` decides how many
        checkpoints it has.

    Raises
    ------
    TrainingError
        At once if it has no bundle or no checkpoint; on the way if one is damaged or does not fit
        the bundle.
    """
    folder = RunFolder(Path(run))
    files = list_checkpoints(folder.checkpoints)
    if not folder.bundle.is_dir() or not files:
        raise TrainingError(
            f"{run}: a finished run with checkpoints is needed; keep several with "
            "trainer.checkpoints_kept"
        )
    return (_model_at(folder, file) for file in files)


def _model_at(folder: RunFolder, file: Path) -> tuple[int, Bundle]:
    bundle = load_bundle(folder.bundle)
    _refuse_damaged(file)
    state = SafeCheckpointIO().load_checkpoint(file).get("state_dict", {})
    weights = {n[len(_PREFIX) :]: t for n, t in state.items() if n.startswith(_PREFIX)}
    try:
        bundle.model.load_state_dict(weights)
    except RuntimeError as error:
        raise TrainingError(f"{file}: does not fit {folder.bundle}: {error}") from None
    name = f"{bundle.content_hash}-{step_of(file)}"
    return step_of(file), replace(bundle, content_hash=name)


def _refuse_damaged(file: Path) -> None:
    """Torch itself checks no sums, and raises anything on bytes that are not a checkpoint."""
    try:
        with ZipFile(file) as archive:
            broken = archive.testzip()
    except (OSError, BadZipFile, EOFError) as error:
        broken = str(error)
    if broken is not None:
        raise TrainingError(
            f"{file}: the checkpoint is damaged ({broken}); remove it to follow the others"
        )
