"""The plugin boundary: contract, registry and three small reference encoders."""

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
