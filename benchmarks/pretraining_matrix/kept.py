"""Scores of finished models in one file, so that what is done stays done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.results import save_results


@dataclass(frozen=True, slots=True)
class Scores:
    """Model -> task -> primary metric, and the settings that all of them were made with.

    Attributes
    ----------
    path
        The file.
    module
        That the scores are of.
    settings
        Of pretraining and evaluation.
    scores
        What is known.
    """

    path: Path
    module: str
    settings: Mapping[str, Any]
    scores: dict[str, dict[str, float]]

    @classmethod
    def open(cls, path: Path, module: str, settings: Mapping[str, Any]) -> Scores:
        """Those of `path`, if it is there; ends the program if they were made otherwise."""
        if not path.is_file():
            return cls(path, module, settings, {})
        known = json.loads(path.read_text())
        others = {key: known[key] for key in settings}
        if others != settings:
            raise SystemExit(
                f"{path}: made with {others}, not with {settings}; name another folder with --out"
            )
        return cls(path, module, settings, known["scores"])

    def add(self, model: str, scores: Mapping[str, float]) -> None:
        """Keep scores of a model, beside those that are known of it."""
        self.scores[model] = {**self.scores.get(model, {}), **scores}
        save_results(self.path, self.module, {**self.settings, "scores": self.scores})
