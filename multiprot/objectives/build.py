"""From the objectives' settings to the total objective."""

from __future__ import annotations

from collections.abc import Sequence

from multiprot.encoders.contract import ObjectiveContext
from multiprot.encoders.options import validate_options
from multiprot.encoders.registry import Registry
from multiprot.encoders.section import ObjectiveSection
from multiprot.errors import ConfigError
from multiprot.objectives.total import TotalObjective


def build_objectives(
    sections: Sequence[ObjectiveSection], registry: Registry, context: ObjectiveContext
) -> TotalObjective:
    """The objectives that `sections` describe, with their weights.

    Parameters
    ----------
    sections
        Names, weights and options; a name may occur once.
    registry
        Where they are looked up.
    context
        Widths and frequencies they are built with.

    Raises
    ------
    ConfigError
        If there is none, a name occurs twice, an option is wrong or no weight is positive.
    PluginError
        If a plugin is missing or broken.
    """
    names = [section.name for section in sections]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated or not names:
        raise ConfigError(
            f"objectives: {', '.join(repeated)} given more than once; keep one section each"
            if repeated
            else "objectives: the list is empty; there is nothing to train for"
        )
    built = {}
    for number, section in enumerate(sections):
        plugin = registry.objective(section.name)
        options = validate_options(plugin, section.options, key=f"objectives.{number}.options")
        built[section.name] = plugin.build(options, context)
    return TotalObjective(built, {section.name: section.weight for section in sections})
