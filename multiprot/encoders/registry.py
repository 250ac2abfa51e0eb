"""Which encoders and objectives are installed, found through entry points.

Listing imports only the plugins' declarations, which hold no torch. A plugin that cannot be used
is a row with its distribution, version and cause; it raises only when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import Any, Final

from multiprot.config.keys import nearest
from multiprot.encoders.plugin import API_VERSION, EncoderPlugin, Modality, ObjectivePlugin
from multiprot.errors import PluginError

ENCODER_GROUPS: Final[Mapping[Modality, str]] = {
    Modality.SEQUENCE: "multiprot.sequence_encoders",
    Modality.STRUCTURE: "multiprot.structure_encoders",
    Modality.GO: "multiprot.go_encoders",
}
"""Entry-point group of each modality."""

OBJECTIVE_GROUP: Final = "multiprot.objectives"
"""Entry-point group of objectives."""

GROUPS: Final = (*ENCODER_GROUPS.values(), OBJECTIVE_GROUP)

AnyPlugin = EncoderPlugin[Any] | ObjectivePlugin[Any]

_KINDS: Final = {
    **{group: f"{modality.value} encoder" for modality, group in ENCODER_GROUPS.items()},
    OBJECTIVE_GROUP: "objective",
}


@dataclass(frozen=True, slots=True, order=True)
class PluginRow:
    """One entry point as `multiprot plugins list` shows it; `summary` or `error` is None."""

    group: str
    name: str
    distribution: str
    version: str
    summary: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why a plugin cannot be used."""

    text: str


@dataclass(frozen=True, slots=True)
class Registry:
    """Plugins by group and name.

    Attributes
    ----------
    points
        Entry points of the four groups; those of other groups are not looked at.
    """

    points: tuple[EntryPoint, ...]
    _loaded: dict[EntryPoint, AnyPlugin | _Fault] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __init__(self, points: Iterable[EntryPoint]) -> None:
        kept = [point for point in points if point.group in GROUPS]
        kept.sort(key=lambda p: (GROUPS.index(p.group), p.name, owner(p)))
        object.__setattr__(self, "points", tuple(kept))
        object.__setattr__(self, "_loaded", {})

    @classmethod
    def discover(cls) -> Registry:
        """All plugins of the installed distributions."""
        found = entry_points()
        return cls(point for group in GROUPS for point in found.select(group=group))

    def rows(self) -> tuple[PluginRow, ...]:
        """Every entry point, by group and name; a plugin that cannot be used says why."""
        return tuple(self._row(point) for point in self.points)

    def names(self, group: str) -> tuple[str, ...]:
        """Names in one group, sorted, without repeats."""
        return tuple(dict.fromkeys(p.name for p in self.points if p.group == group))

    def encoder(self, modality: Modality, name: str) -> EncoderPlugin[Any]:
        """The encoder of that name.

        Raises
        ------
        PluginError
            If none or several have the name, or the plugin is broken or breaks the contract.
        """
        plugin = self.plugin(ENCODER_GROUPS[Modality(modality)], name)
        if not isinstance(plugin, EncoderPlugin):
            raise PluginError(f"{name!r} is not an encoder")
        return plugin

    def objective(self, name: str) -> ObjectivePlugin[Any]:
        """The objective of that name.

        Raises
        ------
        PluginError
            If none or several have the name, or the plugin is broken or breaks the contract.
        """
        plugin = self.plugin(OBJECTIVE_GROUP, name)
        if not isinstance(plugin, ObjectivePlugin):
            raise PluginError(f"{name!r} is not an objective")
        return plugin

    def plugin(self, group: str, name: str) -> AnyPlugin:
        """The plugin of that name in an entry-point group; raises as `encoder` does."""
        point = self.point(group, name)
        plugin = self._load(point)
        if isinstance(plugin, _Fault):
            who = f"{_KINDS[group]} {name!r} of {' '.join(owner(point))}"
            raise PluginError(f"{who} {plugin.text}")
        return plugin

    def find(self, name: str, group: str | None = None) -> AnyPlugin:
        """The plugin of that name in whichever group has it.

        Raises
        ------
        PluginError
            If no group has it, or several have and `group` does not say which; and as `encoder`
            does.
        """
        homes = [g for g in GROUPS if name in self.names(g)]
        if group is None and len(homes) > 1:
            raise PluginError(
                f"{name!r} is the name of several plugins; say which with --group: "
                f"{', '.join(homes)}"
            )
        if group is None and not homes:
            known = sorted({point.name for point in self.points})
            guess = nearest(name, known)
            hint = f"; did you mean {guess!r}?" if guess else ""
            raise PluginError(f"no plugin {name!r}{hint}; installed: {', '.join(known) or 'none'}")
        return self.plugin(group or homes[0], name)

    def point(self, group: str, name: str) -> EntryPoint:
        """The one entry point of that name; raises `PluginError` if there is none or several."""
        matches = [p for p in self.points if p.group == group and p.name == name]
        if group not in GROUPS:
            raise PluginError(f"no plugin group {group!r}; groups are {', '.join(GROUPS)}")
        if not matches:
            raise PluginError(self._unknown(group, name))
        if len(matches) > 1:
            raise PluginError(_clash(group, name, matches))
        return matches[0]

    def _row(self, point: EntryPoint) -> PluginRow:
        rivals = [p for p in self.points if (p.group, p.name) == (point.group, point.name)]
        plugin = self._load(point)
        error = summary = None
        if isinstance(plugin, _Fault):
            error = plugin.text
        elif len(rivals) > 1:
            error = _clash(point.group, point.name, rivals)
        else:
            summary = " ".join(plugin.summary.split())
        distribution, version = owner(point)
        return PluginRow(point.group, point.name, distribution, version, summary, error)

    def _load(self, point: EntryPoint) -> AnyPlugin | _Fault:
        if point not in self._loaded:
            self._loaded[point] = _checked(point)
        return self._loaded[point]

    def _unknown(self, group: str, name: str) -> str:
        known = self.names(group)
        guess = nearest(name, known)
        elsewhere = [_KINDS[g] for g in GROUPS if g != group and name in self.names(g)]
        hint = f"; did you mean {guess!r}?" if guess else ""
        if elsewhere:
            hint = f"; {name!r} is the name of another kind: {', '.join(elsewhere)}"
        return (
            f"unknown {_KINDS[group]} {name!r}{hint}; installed: {', '.join(known) or 'none'}. "
            "If another distribution brings it, `pip install` that; `multiprot plugins list` "
            "shows what is there"
        )


def owner(point: EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution that declares an entry point."""
    return ("unknown distribution", "?") if point.dist is None else _identity(point.dist)


@cache
def _identity(distribution: Distribution) -> tuple[str, str]:
    # Each look at a distribution's name parses its metadata file anew.
    return (str(distribution.name), str(distribution.version))


def _clash(group: str, name: str, points: list[EntryPoint]) -> str:
    owners = " and ".join(" ".join(owner(point)) for point in points)
    return (
        f"{_KINDS[group]} {name!r} is declared {len(points)} times, by {owners}; "
        "uninstall all but one of them"
    )


def _checked(point: EntryPoint) -> AnyPlugin | _Fault:
    """Load an entry point; whatever goes wrong in a guest's module becomes one fault."""
    try:
        plugin = point.load()
        fault = _fault(point, plugin)
        if fault is None and not " ".join(str(plugin.summary).split()):
            fault = "has no summary; its author must give it one line"
    except (Exception, SystemExit) as error:  # a guest may fail in any way and harms nobody
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        fault = f"cannot be loaded from {point.value}: {cause}; reinstall or upgrade it"
    return plugin if fault is None else _Fault(fault)


def _fault(point: EntryPoint, plugin: object) -> str | None:
    """How the object behind an entry point breaks the contract, or None."""
    wanted = ObjectivePlugin if point.group == OBJECTIVE_GROUP else EncoderPlugin
    if not isinstance(plugin, EncoderPlugin | ObjectivePlugin) or not isinstance(plugin, wanted):
        return (
            f"is a {type(plugin).__name__} where {point.group} needs an {wanted.__name__} "
            f"object; its author must correct {point.value}"
        )
    if plugin.api_version != API_VERSION:
        return (
            f"was written for plugin API {plugin.api_version}, this multiprot has API "
            f"{API_VERSION}; install a version of it that fits, or another multiprot"
        )
    if plugin.name != point.name:
        return (
            f"calls itself {plugin.name!r}; entry point and plugin must have the same name, "
            "its author must correct one"
        )
    if isinstance(plugin, EncoderPlugin) and ENCODER_GROUPS.get(plugin.modality) != point.group:
        return (
            f"declares modality {str(plugin.modality)!r}, which belongs into the group "
            f"{ENCODER_GROUPS.get(plugin.modality, 'of no modality')}, not {point.group}"
        )
    return None
