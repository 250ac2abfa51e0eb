"""The folder of a run: what lies where, and whether it may be written or gone on with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from multiprot.config import ResolvedConfig, Section, load_config
from multiprot.errors import OutputExistsError, TrainingError
from multiprot.files import atomic_file, read_bytes, refuse_existing

_MAY_CHANGE: Final = (
    "name",
    "trainer.max_steps",
    "trainer.validate_every",
    "trainer.validation_batches",
    "trainer.checkpoint_every_steps",
    "trainer.checkpoints_kept",
    "trainer.log_every",
    "trainer.threads",
    "batch.workers",
    "batch.cache_megabytes",
    "token_cache.path",
)
"""Keys that decide how long, how often or how fast, and may differ when a run is resumed."""

SectionT = TypeVar("SectionT", bound=Section)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths in a run's folder."""

    path: Path

    @property
    def config(self) -> Path:
        """The resolved recipe with the origin of every value."""
        return self.path / "config.yaml"

    @property
    def facts(self) -> Path:
        """What the run must find again when it is resumed, as JSON."""
        return self.path / "run.json"

    @property
    def corpus(self) -> Path:
        """The generated corpus, where the recipe asks for one."""
        return self.path / "corpus"

    @property
    def checkpoints(self) -> Path:
        """Folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def logs(self) -> Path:
        """Folder of CSV and TensorBoard logs."""
        return self.path / "logs"

    @property
    def results(self) -> Path:
        """Results at the end, as JSON."""
        return self.path / "results.json"

    @property
    def bundle(self) -> Path:
        """The saved model."""
        return self.path / "bundle"

    @property
    def student(self) -> Path:
        """The saved model of a run that trains a student."""
        return self.path / "model"

    def refuse_existing(self, *, overwrite: bool) -> None:
        """Make sure that a new run may be written here.

        Raises
        ------
        OutputExistsError
            If something is here and `overwrite` is False, or it is no run.
        """
        try:
            refuse_existing(self.path)
        except OutputExistsError:
            if not overwrite:
                raise OutputExistsError(
                    f"{self.path}: already exists; go on with --resume, start anew with "
                    "--overwrite, or choose another --out"
                ) from None
            if not self.config.is_file():
                raise OutputExistsError(
                    f"{self.path}: holds no {self.config.name}, so it is not a run that "
                    "--overwrite may remove; choose another --out"
                ) from None

    def clear(self) -> None:
        """Remove the folder; `refuse_existing` has made sure that it is a run or empty."""
        if self.path.is_dir():
            shutil.rmtree(self.path)

    def write_config(self, resolved: ResolvedConfig[Any]) -> None:
        """Write the recipe, with the origins, which a resumed run reads back."""
        with atomic_file(self.config) as partial:
            partial.write_text(resolved.to_yaml(), encoding="utf-8")
        write_json(self.facts, self.read_facts() | {"origins": dict(resolved.origins)})

    def with_former_origins(self, resolved: ResolvedConfig[SectionT]) -> ResolvedConfig[SectionT]:
        """The same recipe, in which values that did not change keep the origin they had."""
        former = self._former(type(resolved.value))
        wanted = flat(resolved.value.model_dump(mode="json"))
        origins = {
            key: origin
            for key, origin in self.read_facts().get("origins", {}).items()
            if key in wanted and wanted[key] == former.get(key)
        }
        return ResolvedConfig(resolved.value, {**resolved.origins, **origins})

    def read_facts(self) -> dict[str, Any]:
        """What `add_facts` and `write_config` wrote; empty where there is no file."""
        if not self.facts.is_file():
            return {}
        facts: dict[str, Any] = json.loads(read_bytes(self.facts))
        return facts

    def add_facts(self, facts: Mapping[str, Any]) -> None:
        """Write what a resumed run is compared with."""
        write_json(self.facts, self.read_facts() | dict(facts))

    def check_resumable(self, config: Section) -> None:
        """Refuse to go on with another recipe.

        Raises
        ------
        TrainingError
            If there is no run here, or a key that decides the outcome differs.
        """
        if not self.config.is_file():
            raise TrainingError(f"{self.path}: no run to resume; start one without --resume")
        former = self._former(type(config))
        wanted = flat(config.model_dump(mode="json"))
        differing = [
            f"{key} was {former.get(key)!r} and is {wanted.get(key)!r}"
            for key in sorted(former.keys() | wanted.keys())
            if former.get(key) != wanted.get(key) and key not in _MAY_CHANGE
        ]
        if differing:
            raise TrainingError(
                f"{self.path}: cannot resume with another recipe: {'; '.join(differing)}; give "
                f"the same settings, or none at all to take them from {self.config.name}"
            )

    def _former(self, kind: type[Section]) -> dict[str, Any]:
        """Leaves of the recipe that the run was begun with."""
        return flat(load_config(kind, self.config).value.model_dump(mode="json"))

    def check_facts(self, facts: Mapping[str, Any]) -> None:
        """Refuse to go on with another corpus or teacher; `TrainingError` names what differs.

        Weights of encoders whose tokens are cached count, too: a checkpoint brings the model's own
        back, but the tokens are those of the encoder as it is built now.
        """
        former = self.read_facts()
        for key in ("corpus_content_hash", "world_size", "frozen_weights", "teachers"):
            if key in former and former[key] != facts[key]:
                raise TrainingError(
                    f"{self.path}: cannot resume: {key.replace('_', ' ')} was {former[key]} and is "
                    f"{facts[key]}; restore it, or start anew with --overwrite"
                )


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain data as JSON, whole or not at all."""
    with atomic_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Leaves of nested dicts and lists by dotted key; an empty one is a leaf."""
    return dict(_leaves(tree, prefix))


def _leaves(tree: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    parts: Iterable[tuple[object, Any]]
    if isinstance(tree, Mapping) and tree:
        parts = tree.items()
    elif isinstance(tree, list) and tree:
        parts = enumerate(tree)
    else:
        yield prefix, tree
        return
    for key, value in parts:
        yield from _leaves(value, f"{prefix}.{key}" if prefix else str(key))
