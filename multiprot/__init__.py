"""multiprot: proteins as vectors that fuse sequence, structure and Gene Ontology.

Names resolve when they are first used: importing multiprot imports neither torch nor any other
large library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from multiprot.lazy import lazy_names

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
    "BackboneStructure": "proteins",
    "Bundle": "bundle",
    "Corpus": "data",
    "Embedder": "embedding",
    "Embeddings": "embedding",
    "FusionModel": "fusion",
    "GeneOntology": "ontology",
    "MultiprotError": "errors",
    "ProteinRecord": "proteins",
    "Registry": "encoders",
    "load_bundle": "bundle",
    "load_config": "config",
    "read_annotations": "ontology",
    "read_fasta": "proteins",
    "read_structure_file": "proteins",
    "save_bundle": "bundle",
    "write_fasta": "proteins",
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


_find = lazy_names(__name__, _HOMES)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("multiprot")
    else:
        value = _find(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
