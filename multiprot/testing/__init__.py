"""The conformance kit: suites that every encoder and objective must pass.

.. code-block:: python

    from multiprot.testing import SequenceEncoderSuite
    from my_package.plugin import my_encoder

    class TestMyEncoder(SequenceEncoderSuite):
        plugin = my_encoder

        def tiny_config(self):
            return MyOptions(width=16, layers=1)

Names are loaded at first use: pytest imports this package at every start, for its fixtures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.testing.check import CheckResult, check_plugin
    from multiprot.testing.go_suite import GoEncoderSuite
    from multiprot.testing.objective_suite import ObjectiveSuite
    from multiprot.testing.ontology import toy_ontology
    from multiprot.testing.records import example_records
    from multiprot.testing.residue_suite import ResidueEncoderSuite
    from multiprot.testing.sequence_suite import SequenceEncoderSuite
    from multiprot.testing.structure_suite import StructureEncoderSuite

_MODULES: Final = {
    "CheckResult": "check",
    "GoEncoderSuite": "go_suite",
    "ObjectiveSuite": "objective_suite",
    "ResidueEncoderSuite": "residue_suite",
    "SequenceEncoderSuite": "sequence_suite",
    "StructureEncoderSuite": "structure_suite",
    "check_plugin": "check",
    "example_records": "records",
    "toy_ontology": "ontology",
}

__all__ = [
    "CheckResult",
    "GoEncoderSuite",
    "ObjectiveSuite",
    "ResidueEncoderSuite",
    "SequenceEncoderSuite",
    "StructureEncoderSuite",
    "check_plugin",
    "example_records",
    "toy_ontology",
]

__getattr__ = lazy_names(__name__, _MODULES)
