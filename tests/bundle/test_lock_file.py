"""A bundle knows which plugins it was made with, and loading compares them with those here."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import NamedTuple

import pytest

from multiprot.bundle import load_bundle
from multiprot.bundle.lock_file import BundleLock
from multiprot.encoders import plugin as contract
from multiprot.encoders.registry import GROUPS, OBJECTIVE_GROUP, Registry
from multiprot.errors import BundleError


class Distribution(NamedTuple):
    """What is asked of a distribution; hashable, as real ones are."""

    name: str
    version: str


def registry(
    *, versions: dict[str, str] | None = None, without: str = "", distribution: str = "multiprot"
) -> Registry:
    """What is installed, with other versions of some plugins, or without one."""
    points = []
    for point in Registry.discover().points:
        if point.name != without and point.dist is not None and point.dist.name == "multiprot":
            changed = EntryPoint(point.name, point.value, point.group)
            version = (versions or {}).get(point.name, str(point.dist.version))
            vars(changed).update(dist=Distribution(distribution, version))
            points.append(changed)
    return Registry(points)


def test_the_lock_round_trips(tiny_bundle: Path, tmp_path: Path) -> None:
    lock = load_bundle(tiny_bundle).lock
    lock.write(tmp_path / "lock.json")
    assert BundleLock.read(tmp_path / "lock.json") == lock
    assert {plugin.group for plugin in lock.plugins} == set(GROUPS)


def test_the_same_plugins_pass_in_silence(tiny_bundle: Path) -> None:
    assert load_bundle(tiny_bundle, registry=registry()).warnings == ()


def test_a_missing_plugin_is_named_with_its_distribution(tiny_bundle: Path) -> None:
    with pytest.raises(
        BundleError,
        match=r"'residue-geometry' of multiprot 0\.\S+ is not usable.*pip install multiprot==",
    ):
        load_bundle(tiny_bundle, registry=registry(without="residue-geometry"))


def test_a_missing_plugin_is_refused_even_where_other_versions_are_allowed(
    tiny_bundle: Path,
) -> None:
    with pytest.raises(BundleError, match="residue-geometry"):
        load_bundle(
            tiny_bundle,
            registry=registry(without="residue-geometry"),
            allow_other_versions=True,
        )


def test_another_version_is_refused_naming_both(tiny_bundle: Path) -> None:
    other = registry(versions={"residue-transformer": "7.7"})
    with pytest.raises(
        BundleError, match=r"saved with multiprot 0\.1\S*, installed is multiprot 7\.7; next: pip"
    ):
        load_bundle(tiny_bundle, registry=other)


def test_another_version_is_a_warning_where_it_is_allowed(tiny_bundle: Path) -> None:
    other = registry(versions={"residue-transformer": "7.7", "term-table": "8.8"})
    warnings = load_bundle(tiny_bundle, registry=other, allow_other_versions=True).warnings
    assert len(warnings) == 2
    assert "7.7" in warnings[0]
    assert "8.8" in warnings[1]


def test_a_plugin_of_the_same_name_from_elsewhere_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match="installed is other-encoders"):
        load_bundle(tiny_bundle, registry=registry(distribution="other-encoders"))


def test_another_contract_version_is_always_refused(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multiprot.encoders.registry.API_VERSION", contract.API_VERSION + 1)
    with pytest.raises(BundleError, match="plugin API 1, this multiprot has API 2"):
        load_bundle(tiny_bundle, registry=registry(), allow_other_versions=True)


def test_objectives_are_compared_only_when_they_are_asked_for(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle, registry=registry(without="masked-residue"))
    assert any(plugin.group == OBJECTIVE_GROUP for plugin in bundle.lock.plugins)
    with pytest.raises(BundleError, match=r"'masked-residue' of multiprot .* is not usable"):
        bundle.load_objectives()
