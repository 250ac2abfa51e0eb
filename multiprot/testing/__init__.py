"""Test cases that every encoder must pass, for multiprot itself and for plugin authors."""

from multiprot.testing.go_case import GoEncoderCase
from multiprot.testing.records import example_records
from multiprot.testing.residue_case import ResidueEncoderCase
from multiprot.testing.sequence_case import SequenceEncoderCase
from multiprot.testing.structure_case import StructureEncoderCase

__all__ = [
    "GoEncoderCase",
    "ResidueEncoderCase",
    "SequenceEncoderCase",
    "StructureEncoderCase",
    "example_records",
]
