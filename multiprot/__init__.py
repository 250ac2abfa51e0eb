"""multiprot: proteins as vectors that fuse sequence, structure and Gene Ontology.

Names resolve when they are first used: importing multiprot imports neither torch nor any other
large library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from multiprot.bundle import Bundle, load_bundle, save_bundle
    from multiprot.config import load_config
    from multiprot.data import Corpus
    from multiprot.embedding import Embedder, Embeddings
    from multiprot.encoders import Registry
    from multiprot.errors import MultiprotError
    from multiprot.fusion import FusionModel
    from multiprot.ontology import GeneOntology, read_annotations
    from multiprot.proteins import (
        BackboneStructure,
        ProteinRecord,
        read_fasta,
        read_structure_file,
        write_fasta,
    )

    __version__: str

_HOMES: Final = {
    "BackboneStructure": "multiprot.proteins",
    "Bundle": "multiprot.bundle",
    "Corpus": "multiprot.data",
    "Embedder": "multiprot.embedding",
    "Embeddings": "multiprot.embedding",
    "FusionModel": "multiprot.fusion",
    "GeneOntology": "multiprot.ontology",
    "MultiprotError": "multiprot.errors",
    "ProteinRecord": "multiprot.proteins",
    "Registry": "multiprot.encoders",
    "load_bundle": "multiprot.bundle",
    "load_config": "multiprot.config",
    "read_annotations": "multiprot.ontology",
    "read_fasta": "multiprot.proteins",
    "read_structure_file": "multiprot.proteins",
    "save_bundle": "multiprot.bundle",
    "write_fasta": "multiprot.proteins",
}

__all__ = [
    "BackboneStructure",
    "Bundle",
    "Corpus",
    "Embedder",
    "Embeddings",
    "FusionModel",
    "GeneOntology",
    "MultiprotError",
    "ProteinRecord",
    "Registry",
    "__version__",
    "load_bundle",
    "load_config",
    "read_annotations",
    "read_fasta",
    "read_structure_file",
    "save_bundle",
    "write_fasta",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("multiprot")
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'multiprot' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
