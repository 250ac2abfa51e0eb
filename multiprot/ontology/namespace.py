"""The three namespaces of the Gene Ontology and the letters that annotation files use for them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Namespace(StrEnum):
    """One of the three independent trees of GO."""

    FUNCTION = "molecular_function"
    PROCESS = "biological_process"
    COMPONENT = "cellular_component"


NAMESPACES: Final = (Namespace.FUNCTION, Namespace.PROCESS, Namespace.COMPONENT)
"""Order of every namespace axis; a namespace's index here is its value in arrays and tensors."""

ASPECTS: Final = {
    "F": Namespace.FUNCTION,
    "P": Namespace.PROCESS,
    "C": Namespace.COMPONENT,
    "MF": Namespace.FUNCTION,
    "BP": Namespace.PROCESS,
    "CC": Namespace.COMPONENT,
    **{namespace.value: namespace for namespace in NAMESPACES},
}
"""Spellings of a namespace in the aspect column of annotation files."""
