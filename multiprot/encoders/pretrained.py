"""Reading pretrained models of transformers: local, without pickle, every tensor accounted for.

transformers is imported when a model is read; multiprot itself does not need it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from multiprot.errors import PluginError


def refuse_two_sources(options: Any, shape: Sequence[str]) -> None:
    """Raise ValueError, for a section's validator, if more than one thing decides a model's shape.

    Parameters
    ----------
    options
        Has `checkpoint`, `architecture` (what a saved model records) and the options of `shape`.
    shape
        Names of the options that make a model from scratch; None means not given.
    """
    given = [name for name in shape if getattr(options, name) is not None]
    for source in ("checkpoint", "architecture"):
        if getattr(options, source) is not None and given:
            raise ValueError(
                f"{given[0]} is decided by {source}; leave it out, or leave out {source} to "
                "make a model from scratch"
            )
    if options.checkpoint is not None and options.architecture is not None:
        raise ValueError("checkpoint and architecture are both given; leave one out")


def load_pretrained(
    model: Any,
    checkpoint: Path,
    owner: str,
    *,
    spared: str | None = None,
    surplus: Callable[[str], bool] | None = None,
    **settings: Any,
) -> Any:
    """A model of transformers with the weights of `checkpoint`, in float32.

    Parameters
    ----------
    model
        Class with `from_pretrained`.
    checkpoint
        Local folder with model.safetensors, or, where `settings` hold `state_dict`, the file that
        it was read from.
    owner
        The plugin's name, for errors.
    spared
        Part of the names of tensors that may be missing or misshapen, since they are not used.
    surplus
        Of a tensor for which the model has no place: whether that is an error.
    **settings
        Further arguments of `from_pretrained`.

    Raises
    ------
    PluginError
        If the weights cannot be read, or a tensor is missing, misshapen or left over; names it.
    """
    import torch

    where = None if "state_dict" in settings else checkpoint
    try:
        with quiet_transformers():
            made, account = model.from_pretrained(
                where,
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                # Not to ignore them: they are named below, which the library's own error does not.
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **settings,
            )
    except Exception as error:
        # From transformers, safetensors, torch or the file system; they have no common parent.
        raise PluginError(
            f"{owner}: weights in {checkpoint} cannot be read: {first_line(error)}"
        ) from error
    _refuse_gaps(checkpoint, account, owner, spared)
    left = sorted(key for key in account["unexpected_keys"] if surplus and surplus(key))
    if left:
        raise PluginError(
            f"{owner}: {checkpoint} holds {len(left)} tensors of a model that its settings do not "
            f"describe, first {left[0]}; they belong to different models"
        )
    return made


def _refuse_gaps(
    checkpoint: Path, account: Mapping[str, Any], owner: str, spared: str | None
) -> None:
    def used(keys: Any) -> list[str]:
        return sorted(str(key) for key in keys if spared is None or spared not in str(key))

    mismatched = used(account["mismatched_keys"])
    if mismatched:
        raise PluginError(
            f"{owner}: {checkpoint} holds tensors of other shapes than its settings say, first "
            f"(name, found, expected) {mismatched[0]}; they belong to different models"
        )
    missing = used(account["missing_keys"])
    if missing:
        raise PluginError(
            f"{owner}: {checkpoint} lacks {len(missing)} tensors of the model, first {missing[0]}; "
            "the checkpoint is incomplete or its settings belong to another one"
        )


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or its type where it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Mute the library's loading report: what matters in it is raised as an error here."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
