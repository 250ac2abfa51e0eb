"""Test cases that every encoder must pass, for multiprot itself and for plugin authors."""

from multiprot.testing.go_suite import GoEncoderSuite
from multiprot.testing.records import example_records
from multiprot.testing.residue_suite import ResidueEncoderSuite
from multiprot.testing.sequence_suite import SequenceEncoderSuite
from multiprot.testing.structure_suite import StructureEncoderSuite

__all__ = [
    "GoEncoderSuite",
    "ResidueEncoderSuite",
    "SequenceEncoderSuite",
    "StructureEncoderSuite",
    "example_records",
]
