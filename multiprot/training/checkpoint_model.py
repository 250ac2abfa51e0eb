"""The model as it was at a checkpoint of a pretraining run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from multiprot.bundle import Bundle, load_bundle
from multiprot.errors import TrainingError
from multiprot.training.checkpoint_files import SafeCheckpointIO, step_of
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
        If it has no bundle or no checkpoint, or one does not fit the bundle.
    """
    folder = RunFolder(Path(run))
    files = sorted(folder.checkpoints.glob("step-*.ckpt"), key=step_of)
    if not folder.bundle.is_dir() or not files:
        raise TrainingError(
            f"{run}: a finished run with checkpoints is needed; keep several with "
            "trainer.checkpoints_kept"
        )
    for file in files:
        bundle = load_bundle(folder.bundle)
        state = SafeCheckpointIO().load_checkpoint(file)["state_dict"]
        weights = {n[len(_PREFIX) :]: t for n, t in state.items() if n.startswith(_PREFIX)}
        try:
            bundle.model.load_state_dict(weights)
        except RuntimeError as error:
            raise TrainingError(f"{file}: does not fit {folder.bundle}: {error}") from None
        name = f"{bundle.content_hash}-{step_of(file)}"
        yield step_of(file), replace(bundle, content_hash=name)
