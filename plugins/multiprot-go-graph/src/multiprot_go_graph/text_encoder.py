"""The encoder `go-text`: names and definitions through a text encoder, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import PluginError
from multiprot_go_graph.checkpoint import TextCheckpoint, read_checkpoint
from multiprot_go_graph.options import GoTextOptions
from multiprot_go_graph.placement import Coverage
from multiprot_go_graph.static import Known, StaticEncoder

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology


class GoTextEncoder(StaticEncoder):
    """A term is what its name and definition say to a pretrained text encoder.

    The text encoder is read and used at `bind`, and gone after it.

    Attributes
    ----------
    cut
        Ids of the terms whose text was cut to `max_tokens`.

    Raises
    ------
    PluginError
        If transformers is missing or the folder holds no text encoder.
    """

    plugin_name: ClassVar = "go-text"

    def __init__(self, options: GoTextOptions) -> None:
        found = None if options.checkpoint is None else read_checkpoint(options)
        super().__init__(options, options.stored_width or 0 if found is None else found.width)
        self._options = options
        self._checkpoint: TextCheckpoint | None = found
        self.cut: tuple[str, ...] = ()
        self.portable_options |= {"checkpoint": None, "device": "cpu"}

    def _known(self, ontology: GeneOntology) -> Known:
        if self._checkpoint is None:
            raise RuntimeError(f"{self.plugin_name}: no checkpoint was read")
        texts = term_texts(ontology, self._options.definitions)
        known: NDArray[np.bool_] = np.array([bool(text) for text in texts])
        if not known.any():
            raise PluginError(
                f"{self.plugin_name}: none of the {len(ontology)} terms of release "
                f"{ontology.release} has a name or definition; bind an ontology with texts"
            )
        # transformers takes seconds to import and is not needed where the vectors are stored.
        from multiprot_go_graph.text_model import text_vectors

        told = {ontology.term_ids[row]: texts[row] for row in np.flatnonzero(known)}
        found, self.cut = text_vectors(self._checkpoint, told, self._options)
        vectors = np.zeros((len(ontology), found.shape[1]), np.float32)
        vectors[known] = found
        own = int(known.sum())
        return vectors, known, Coverage(own=own, merged=0, replaced=0, filled=len(known) - own)


def term_texts(ontology: GeneOntology, definitions: bool) -> list[str]:
    """Name and definition of each term, or its name alone.

    Empty where nothing is said: a name that is the term's own id, and no definition.
    """
    texts = []
    for term_id in ontology.term_ids:
        name = ontology.name(term_id)
        parts = [name] if name != term_id else []
        if definitions and ontology.definition(term_id):
            parts.append(" ".join(ontology.definition(term_id).split()))
        texts.append(": ".join(parts))
    return texts
