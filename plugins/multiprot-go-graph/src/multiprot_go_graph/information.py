"""Information content as a feature of terms, from 0 to 1. No torch but for the result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multiprot.errors import FileFormatError
from multiprot.ontology import intrinsic_information
from multiprot_go_graph.options import GoGraphOptions
from multiprot_go_graph.vector_file import read_vectors

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology


def information(ontology: GeneOntology, options: GoGraphOptions) -> Tensor | None:
    """Information contents, float32 [term], as the options say; zeros until saved ones are loaded.

    Raises
    ------
    FileFormatError
        If the file is not a table of one finite value, 0 or more, for every term of the release.
    ObsoleteTermError, UnknownTermError
        If an id of the file is not that of a live term; names the replacement.
    """
    if options.information == "none":
        return None
    if options.information == "intrinsic":
        values = intrinsic_information(ontology)
    elif options.information_file is None:
        values = np.zeros(len(ontology))
    else:
        values = _scaled(_read(Path(options.information_file), ontology), ontology)
    return torch.from_numpy(values.astype(np.float32))


def _read(path: Path, ontology: GeneOntology) -> NDArray[np.float64]:
    """Values [term] of a table with one row for every term."""
    table = read_vectors(path, "tsv")
    if table.vectors.shape[1] != 1:
        raise FileFormatError(
            f"{path}: {table.vectors.shape[1]} numbers a term; a table of information contents has "
            "one"
        )
    values = np.full(len(ontology), np.nan)
    for term_id, value in zip(table.ids, table.vectors[:, 0], strict=True):
        if value < 0:
            raise FileFormatError(f"{path}: {term_id} has {value}; information is never negative")
        values[ontology.live_row(term_id)] = value
    unknown = np.flatnonzero(np.isnan(values))
    if len(unknown):
        raise FileFormatError(
            f"{path}: no value for {len(unknown)} of {len(ontology)} terms of release "
            f"{ontology.release}, first {ontology.term_ids[unknown[0]]}; "
            "multiprot.ontology.information_content with pseudocount=1 has one for every term"
        )
    return values


def _scaled(values: NDArray[np.float64], ontology: GeneOntology) -> NDArray[np.float64]:
    """Values as shares of the largest of their namespace, between which bits do not compare."""
    largest = np.zeros(int(ontology.namespace_index.max()) + 1)
    np.maximum.at(largest, ontology.namespace_index, values)
    return np.asarray(values / np.where(largest > 0, largest, 1.0)[ontology.namespace_index])
