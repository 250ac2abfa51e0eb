"""The kit itself: each of many faults is noticed by the test meant for it, in words that help."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from multiprot.encoders.options import validate_options
from multiprot.encoders.plugin import EncoderPlugin, Modality
from multiprot.encoders.reference.plugins import residue_geometry, residue_transformer, term_table
from multiprot.objectives.plugins import masked_residue
from multiprot.testing.check import CheckResult, check_plugin, suite_of
from tests.testing import frozen_faults, go_faults, sequence_table, structure_faults
from tests.testing.faults import Fault

FAULTS = [
    *sequence_table.FAULTS,
    *frozen_faults.FAULTS,
    *structure_faults.FAULTS,
    *go_faults.GO_FAULTS,
    *go_faults.OBJECTIVE_FAULTS,
]

SOUND = {
    Modality.SEQUENCE: residue_transformer,
    Modality.STRUCTURE: residue_geometry,
    Modality.GO: term_table,
}


def run(plugin: Any, test: str, options: Any) -> CheckResult:
    """One standard test, as `multiprot plugins check` runs it."""
    config = validate_options(plugin, {**plugin.tiny_options, **options})
    results = check_plugin(plugin, config, only=(f"test_{test}",))
    (result,) = results
    return result


@pytest.mark.parametrize(
    "fault", FAULTS, ids=lambda fault: f"{fault.test}-{fault.name.replace(' ', '-')}"
)
def test_the_fault_is_noticed_where_it_should_be(fault: Fault) -> None:
    plugin = fault.plugin
    sound = SOUND[plugin.modality] if isinstance(plugin, EncoderPlugin) else masked_residue
    assert run(sound, fault.test, {}).problem is None
    problem = run(plugin, fault.test, fault.options).problem
    assert problem is not None, "the fault went unnoticed"
    assert fault.says in problem
    assert "To mend it: " in problem


def test_there_are_enough_faults() -> None:
    assert len(FAULTS) >= 80


@pytest.mark.parametrize("plugin", [*SOUND.values(), masked_residue], ids=lambda p: p.name)
def test_nearly_every_standard_test_has_a_fault_that_it_notices(plugin: Any) -> None:
    """A test that nothing can fail would prove nothing."""
    suite = suite_of(plugin, validate_options(plugin, plugin.tiny_options))
    standard = {n for n, _ in inspect.getmembers(suite, inspect.ismethod) if n.startswith("test_")}
    noticed = {f"test_{fault.test}" for fault in FAULTS}
    assert standard - noticed <= {
        "test_runs_on_the_accelerator",  # needs a GPU
        "test_moves",  # the check itself is tried on features and encoders of residues
    }
