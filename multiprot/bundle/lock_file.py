"""plugins.lock.json: which plugins a model was made with, and how they differ from those here."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiprot.bundle.format import ADAPTERS, MODEL
from multiprot.encoders.lock import PluginLock, lock_difference, lock_entry
from multiprot.encoders.options import validate_options
from multiprot.encoders.registry import ENCODER_GROUPS, OBJECTIVE_GROUP, Registry
from multiprot.errors import BundleError, PluginError

if TYPE_CHECKING:
    from multiprot.bundle.manifest import FolderManifest
    from multiprot.bundle.parts import BundleConfig
    from multiprot.ontology import GeneOntology


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleLock:
    """Content of plugins.lock.json.

    Attributes
    ----------
    plugins
        Encoders and objectives with distribution, version and complete options.
    go_release, go_hash
        Release label and content hash of the bound ontology, or None.
    weights
        SHA-256, in hex, of model.safetensors.
    adapters
        SHA-256, in hex, of adapters.safetensors, or None where there is none.
    """

    plugins: tuple[PluginLock, ...]
    go_release: str | None = None
    go_hash: str | None = None
    weights: str = ""
    adapters: str | None = None

    @classmethod
    def of(
        cls,
        config: BundleConfig,
        registry: Registry,
        ontology: GeneOntology | None,
        weights: str,
        adapters: str | None = None,
    ) -> BundleLock:
        """The lock of what is installed now."""
        plugins = []
        for modality, section in config.encoders().items():
            plugin = registry.encoder(modality, section.name)
            options = validate_options(plugin, section.options, f"{modality.value}.options")
            plugins.append(lock_entry(registry, plugin, options))
        for objective in config.objectives:
            losses = registry.objective(objective.name)
            options = validate_options(losses, objective.options, f"{objective.name}.options")
            plugins.append(lock_entry(registry, losses, options))
        return cls(
            plugins=tuple(plugins),
            go_release=None if ontology is None else ontology.release,
            go_hash=None if ontology is None else ontology.content_hash,
            weights=weights,
            adapters=adapters,
        )

    @classmethod
    def read(cls, path: Path) -> BundleLock:
        """The lock in a file; `BundleError` if it is not one."""
        try:
            content = json.loads(path.read_bytes())
            plugins = tuple(PluginLock.from_json(entry) for entry in content.pop("plugins"))
            return cls(plugins=plugins, **content)
        except (ValueError, TypeError, KeyError, AttributeError, PluginError) as error:
            raise BundleError(f"{path}: is not a plugin lock ({error})") from None

    def must_cover(self, config: BundleConfig, path: Path) -> None:
        """Raise `BundleError` if an encoder or objective of `config` is not in the lock `path`."""
        used = {
            (ENCODER_GROUPS[modality], section.name)
            for modality, section in config.encoders().items()
        } | {(OBJECTIVE_GROUP, section.name) for section in config.objectives}
        uncovered = sorted(used - {(plugin.group, plugin.name) for plugin in self.plugins})
        if uncovered:
            raise BundleError(
                f"{path}: does not list {uncovered[0][1]!r} of {uncovered[0][0]}, which "
                "config.yaml uses; the two do not belong together"
            )

    def must_match(self, manifest: FolderManifest) -> None:
        """Raise `BundleError` if the lock was written for other tensors than `manifest` lists."""
        for name, locked in ((MODEL, self.weights), (ADAPTERS, self.adapters)):
            listed = manifest.files.get(name)
            found = None if listed is None else listed.sha256
            if found != locked:
                raise BundleError(
                    f"{manifest.folder / name}: SHA-256 {str(found)[:12]}…, but the plugin lock "
                    f"was written for {str(locked)[:12]}…; the two do not belong together"
                )

    def write(self, path: Path) -> None:
        """Write the file."""
        content: dict[str, Any] = {
            "plugins": [plugin.to_json() for plugin in self.plugins],
            "go_release": self.go_release,
            "go_hash": self.go_hash,
            "weights": self.weights,
        }
        if self.adapters is not None:
            content["adapters"] = self.adapters
        path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class LockCheck:
    """Compares locked plugins with the installed ones.

    Attributes
    ----------
    registry
        What is installed.
    bundle
        Whose lock it is, for messages.
    allow_other_versions
        Whether another version of a plugin is a warning instead of an error. Another version of
        the plugin contract and a missing plugin are errors in any case.
    warnings
        What was let through.
    """

    registry: Registry
    bundle: Path
    allow_other_versions: bool = False
    warnings: list[str] = field(default_factory=list)

    def encoders(self, lock: BundleLock) -> None:
        """Check the encoders, without which the model cannot be built."""
        for plugin in lock.plugins:
            if plugin.group != OBJECTIVE_GROUP:
                self.check(plugin)

    def objectives(self, lock: BundleLock) -> None:
        """Check the objectives, which only training and evaluation need."""
        for plugin in lock.plugins:
            if plugin.group == OBJECTIVE_GROUP:
                self.check(plugin)

    def check(self, lock: PluginLock) -> None:
        """Refuse a plugin that is missing or another, naming both.

        Raises
        ------
        BundleError
            With what is locked, what is installed and what to install.
        """
        difference = lock_difference(self.registry, lock)
        if difference is None:
            return
        remedy = f"pip install {lock.distribution}=={lock.version}"
        try:
            installed = self.registry.plugin(lock.group, lock.name).api_version
        except PluginError:
            installed = None
        if installed != lock.api_version:
            raise BundleError(f"{self.bundle}: plugin {difference}; next: {remedy}")
        if not self.allow_other_versions:
            raise BundleError(
                f"{self.bundle}: plugin {difference}; next: {remedy}, or allow other versions and "
                "compare some vectors yourself"
            )
        self.warnings.append(f"plugin {difference}; vectors may differ")
