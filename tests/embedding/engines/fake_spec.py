"""A model for worker processes that does to them what a protein tells it to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

from multiprot.embedding import Embedder
from multiprot.errors import ConfigError
from multiprot.proteins import ProteinRecord
from tests.embedding.fake_model import fake_embedder

KILLS, EXITS, HANGS, FAILS, KILLS_ONCE = "WWWWW", "YYYYY", "HHHHH", "EEEEE", "KKKKK"


@dataclass(frozen=True)
class FakeSpec:
    """As `EmbedderSpec`, with the fake model.

    Attributes
    ----------
    folder
        Where is noted what happens once.
    opening
        What goes wrong where a worker opens the model: "refuse", "break", "other", "die".
    options
        Of embedding.
    """

    folder: Path
    opening: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"

    def on(self, device: str) -> FakeSpec:
        return replace(self, device=device)

    def open(self) -> Embedder:
        model = {"max_residues": 60}
        if parent_process() is not None:
            if self.opening == "refuse":
                raise ConfigError("the weights are on another machine")
            if self.opening == "break":
                raise RuntimeError("the driver is too old")
            if self.opening == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.opening == "other":
                return fake_embedder(self, model={**model, "content_hash": "x"}, **self.options)
        return fake_embedder(self, model=model, **self.options)

    def __call__(self, records: Sequence[ProteinRecord]) -> None:
        """Do what the sequences say; where this is no worker, refuse instead."""
        joined = "|".join(record.sequence for record in records)
        if FAILS in joined:
            raise ValueError("does not like it")
        if parent_process() is None:
            if any(sign in joined for sign in (KILLS, EXITS, HANGS)):
                raise ValueError("would end the worker")
            return
        if KILLS in joined or (KILLS_ONCE in joined and self._first_time()):
            os.kill(os.getpid(), signal.SIGKILL)
        if EXITS in joined:
            os._exit(7)
        if HANGS in joined:
            time.sleep(10_000)

    def _first_time(self) -> bool:
        try:
            (self.folder / "killed-once").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True
