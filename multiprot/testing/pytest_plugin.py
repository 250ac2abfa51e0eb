"""Fixtures for plugin authors, and readable failures in the suites.

pytest finds this module through multiprot's entry point `pytest11` and imports it at every start:
nothing heavy here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology
    from multiprot.proteins import ProteinRecord


@pytest.fixture(scope="session")
def multiprot_records() -> tuple[ProteinRecord, ...]:
    """Generated proteins: gaps, a chain break, missing atoms, odd letters, one residue."""
    from multiprot.testing.records import example_records

    return example_records()


@pytest.fixture(scope="session")
def multiprot_long_record() -> ProteinRecord:
    """A generated protein of 3,000 residues with a structure."""
    from multiprot.testing.records import long_record

    return long_record()


@pytest.fixture(scope="session")
def multiprot_ontology() -> GeneOntology:
    """A toy ontology with a replaced and a dropped term."""
    from multiprot.testing.ontology import toy_ontology

    return toy_ontology()
