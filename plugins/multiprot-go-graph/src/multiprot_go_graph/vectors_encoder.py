"""The encoder `go-vectors`: a vector per term from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from multiprot_go_graph.options import GoVectorsOptions
from multiprot_go_graph.placement import place
from multiprot_go_graph.static import Known, StaticEncoder
from multiprot_go_graph.vector_file import VectorTable, read_vectors

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology


class GoVectorsEncoder(StaticEncoder):
    """Vectors that another program made for GO terms: anc2vec, OPA2Vec, node2vec and others.

    The file is read when the encoder is built, and its ids are looked up when it is bound.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged or not of its format.
    """

    plugin_name: ClassVar = "go-vectors"

    def __init__(self, options: GoVectorsOptions) -> None:
        table = None
        channels = options.stored_width or 0
        if options.vectors is not None:
            table = read_vectors(Path(options.vectors), options.format)
            channels = table.vectors.shape[1]
        super().__init__(options, channels)
        self._options = options
        self._table: VectorTable | None = table
        self.portable_options |= {"vectors": None, "format": None}

    def _known(self, ontology: GeneOntology) -> Known:
        if self._table is None:
            raise RuntimeError(f"{self.plugin_name}: no file was read")
        known = place(
            self._table,
            ontology,
            map_retired=self._options.retired == "map",
            skip_others=self._options.others == "skip",
            source=str(self._options.vectors),
        )
        self._table = None
        return known
