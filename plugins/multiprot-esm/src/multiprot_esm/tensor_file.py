"""Reads `.pt` files without letting them run code.

A `.pt` file is a pickle, and a pickle can name any function to be called while it is read. torch's
restricted reader (`weights_only`) calls none but those that put tensors together. ESM's files hold
one thing more, the `argparse.Namespace` of the training's settings, which is let through here and
nowhere else.
"""

from __future__ import annotations

import argparse
import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from multiprot.errors import PluginError

_DAMAGE: Final = (
    *(OSError, EOFError, RuntimeError, AssertionError, ValueError, TypeError, AttributeError),
    *(LookupError, struct.error, pickle.UnpicklingError, zipfile.BadZipFile),
)
"""What torch raises on bytes that are no whole file of its own, by where they go wrong."""


def read_tensor_file(path: Path, owner: str) -> Mapping[str, Any]:
    """What a `.pt` file holds: entries by name, tensors on the CPU.

    Tensors stay on disk until they are used, where the file's format allows it.

    Parameters
    ----------
    path
        The file.
    owner
        The plugin's name, for errors.

    Raises
    ------
    PluginError
        If the file is missing, damaged, no `.pt` file, or would call a function when read.
    """
    if not path.is_file():
        raise PluginError(
            f"{owner}: there is no file {path}; the addresses of ESM's files are listed in "
            "https://github.com/facebookresearch/esm (nothing is fetched here)"
        )
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([argparse.Namespace]):
            warnings.simplefilter("ignore")  # of odd pickles; what matters is raised
            # Files of before torch 1.6 are no zip archives and cannot be left on disk.
            found = torch.load(
                path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
            )
    except _DAMAGE as error:
        raise PluginError(_reason(path, owner, error)) from None
    if not isinstance(found, Mapping):
        raise PluginError(
            f"{owner}: {path} holds a {type(found).__name__}, not named entries; is it one of "
            "facebookresearch/esm's files?"
        )
    return found


def _reason(path: Path, owner: str, error: BaseException) -> str:
    called = re.search(r"\bGLOBAL ([\w.]+)", str(error))
    if called is not None:
        return (
            f"{owner}: {path} asks for {called[1]} when it is read, which could run any code; no "
            "language model of facebookresearch/esm does. Nothing was run; do not trust this file"
        )
    # torch's own text is many lines long and advises to switch the protection off.
    return (
        f"{owner}: {path} cannot be read as a .pt file ({type(error).__name__}); it is damaged, "
        "cut short or of another kind: download it again"
    )
