"""Plugin locks: what a bundle records and what differs from what is installed."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import version

import pytest

from multiprot.encoders import (
    API_VERSION,
    Modality,
    PluginLock,
    Registry,
    check_lock,
    lock_difference,
    lock_entry,
)
from multiprot.encoders.reference.plugins import ResidueTransformerConfig
from multiprot.errors import PluginError


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover()


@pytest.fixture(scope="module")
def lock(registry: Registry) -> PluginLock:
    plugin = registry.encoder(Modality.SEQUENCE, "residue-transformer")
    return lock_entry(registry, plugin, ResidueTransformerConfig(width=64))


def test_lock_holds_owner_version_and_complete_options(lock: PluginLock) -> None:
    assert lock.distribution == "multiprot"
    assert lock.version == version("multiprot")
    assert lock.group == "multiprot.sequence_encoders"
    assert lock.api_version == API_VERSION
    assert lock.options == ResidueTransformerConfig(width=64).model_dump()


def test_objectives_are_locked_too(registry: Registry) -> None:
    plugin = registry.objective("masked-residue")
    assert lock_entry(registry, plugin, plugin.config()).group == "multiprot.objectives"


def test_json_round_trip(lock: PluginLock) -> None:
    assert PluginLock.from_json(json.loads(json.dumps(lock.to_json()))) == lock


@pytest.mark.parametrize(
    "change",
    [{"name": 3}, {"version": None}, {"api_version": "1"}, {"options": []}, {"more": 1}],
)
def test_a_damaged_entry_is_named(lock: PluginLock, change: dict[str, object]) -> None:
    with pytest.raises(PluginError, match=next(iter(change))):
        PluginLock.from_json(lock.to_json() | change)


def test_the_same_plugin_is_accepted(registry: Registry, lock: PluginLock) -> None:
    assert lock_difference(registry, lock) is None
    check_lock(registry, lock)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "9.9"}, ["multiprot 9.9", f"multiprot {version('multiprot')}"]),
        ({"distribution": "fork"}, ["fork", "multiprot"]),
        ({"api_version": 7}, ["API 7", f"API {API_VERSION}"]),
        ({"name": "gone"}, ["'gone'", "unknown sequence encoder"]),
    ],
)
def test_another_plugin_is_refused_naming_both(
    registry: Registry, lock: PluginLock, change: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(PluginError) as caught:
        check_lock(registry, replace(lock, **change))  # type: ignore[arg-type]
    assert all(word in str(caught.value) for word in words)
    assert "pip install" in str(caught.value)


def test_a_lock_of_a_group_that_never_was(registry: Registry, lock: PluginLock) -> None:
    with pytest.raises(PluginError, match="not usable"):
        check_lock(registry, replace(lock, group="multiprot.taste_encoders"))
