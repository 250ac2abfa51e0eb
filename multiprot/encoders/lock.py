"""Which plugin, in which version, a saved model was made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from multiprot.config import Section
from multiprot.encoders.plugin import EncoderPlugin, ObjectivePlugin
from multiprot.encoders.registry import ENCODER_GROUPS, OBJECTIVE_GROUP, Registry, owner
from multiprot.errors import PluginError


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginLock:
    """One plugin as a bundle records it.

    Attributes
    ----------
    name, group
        Entry point and its group.
    distribution, version
        What brought it.
    api_version
        Plugin contract it was written for.
    options
        Its complete options, plain values.
    """

    name: str
    group: str
    distribution: str
    version: str
    api_version: int
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return asdict(self)

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> PluginLock:
        """The lock that `to_json` wrote.

        Raises
        ------
        PluginError
            If an entry is missing, unknown or of the wrong type.
        """
        kinds = {
            "name": str,
            "group": str,
            "distribution": str,
            "version": str,
            "api_version": int,
            "options": dict,
        }
        wrong = sorted(
            {key for key, kind in kinds.items() if not isinstance(entry.get(key), kind)}
            | (set(entry) - set(kinds))
        )
        if wrong:
            raise PluginError(
                f"plugin lock {dict(entry)!r:.200}: bad or missing {', '.join(wrong)}"
            )
        return cls(**entry)


def lock_entry(
    registry: Registry, plugin: EncoderPlugin[Any] | ObjectivePlugin[Any], options: Section
) -> PluginLock:
    """The lock of a plugin of this registry with its (validated) options."""
    group = (
        ENCODER_GROUPS[plugin.modality] if isinstance(plugin, EncoderPlugin) else OBJECTIVE_GROUP
    )
    distribution, version = owner(registry.point(group, plugin.name))
    return PluginLock(
        name=plugin.name,
        group=group,
        distribution=distribution,
        version=version,
        api_version=plugin.api_version,
        options=options.model_dump(mode="json"),
    )


def lock_difference(registry: Registry, lock: PluginLock) -> str | None:
    """What is installed instead of what `lock` records, naming both, or None if they agree."""
    wanted = f"{lock.distribution} {lock.version}"
    try:
        plugin = registry.plugin(lock.group, lock.name)
    except PluginError as error:
        return f"{lock.name!r} of {wanted} is not usable here: {error}"
    distribution, version = owner(registry.point(lock.group, lock.name))
    if (distribution, version) != (lock.distribution, lock.version):
        return f"{lock.name!r} was saved with {wanted}, installed is {distribution} {version}"
    if plugin.api_version != lock.api_version:
        return (
            f"{lock.name!r} of {wanted} was saved with plugin API {lock.api_version}, installed "
            f"is API {plugin.api_version}"
        )
    return None


def check_lock(registry: Registry, lock: PluginLock) -> None:
    """Refuse a plugin other than the locked one.

    Raises
    ------
    PluginError
        If it is missing, broken or another version; names both and what to install.
    """
    difference = lock_difference(registry, lock)
    if difference:
        raise PluginError(
            f"plugin {difference}; next: pip install {lock.distribution}=={lock.version}"
        )
