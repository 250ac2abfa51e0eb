"""The plugin boundary: contract, registry and three small reference encoders.

Names are loaded at first use: listing plugins needs few of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.encoders.lock import PluginLock, check_lock, lock_difference, lock_entry
    from multiprot.encoders.options import check_plugins, validate_options
    from multiprot.encoders.plugin import (
        API_VERSION,
        Capabilities,
        EncoderPlugin,
        Modality,
        ObjectivePlugin,
    )
    from multiprot.encoders.registry import PluginRow, Registry
    from multiprot.encoders.section import EncoderSection, ObjectiveSection

_MODULES: Final = {
    "API_VERSION": "plugin",
    "Capabilities": "plugin",
    "EncoderPlugin": "plugin",
    "EncoderSection": "section",
    "Modality": "plugin",
    "ObjectivePlugin": "plugin",
    "ObjectiveSection": "section",
    "PluginLock": "lock",
    "PluginRow": "registry",
    "Registry": "registry",
    "check_lock": "lock",
    "check_plugins": "options",
    "lock_difference": "lock",
    "lock_entry": "lock",
    "validate_options": "options",
}

__all__ = [
    "API_VERSION",
    "Capabilities",
    "EncoderPlugin",
    "EncoderSection",
    "Modality",
    "ObjectivePlugin",
    "ObjectiveSection",
    "PluginLock",
    "PluginRow",
    "Registry",
    "check_lock",
    "check_plugins",
    "lock_difference",
    "lock_entry",
    "validate_options",
]

__getattr__ = lazy_names(__name__, _MODULES)
