"""Masks and padding: vectors become Python lists and are masked there, protein after protein."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.massa_plain.config import (
    HIDDEN_RESIDUE,
    HIDDEN_SHARE,
    HIDDEN_TERM,
    IGNORED,
    TAGGINGS,
)
from benchmarks.massa_plain.features import PlainGraph
from benchmarks.massa_plain.proteins import PlainProtein

Row = list[float]


def mask_rows(
    vectors: NDArray[np.float32], classes: NDArray[np.int64], hidden: float, chance: random.Random
) -> tuple[list[Row], list[int], dict[int, int | None]]:
    """Hide a share of the rows, at least one.

    Returns
    -------
    rows
        The vectors as lists: of ten picked rows, eight are `hidden` throughout, one is another row
        and one is left.
    labels
        Class of each picked row, `IGNORED` elsewhere.
    changes
        The row that took a changed row's place; None where it is hidden.
    """
    before = vectors.tolist()
    rows, labels = list(before), [IGNORED] * len(before)
    changes: dict[int, int | None] = {}
    picked = [n for n in range(len(rows)) if chance.random() < HIDDEN_SHARE]
    for number in picked or [chance.randrange(len(rows))]:
        labels[number] = int(classes[number])
        lot = chance.random()
        if lot < 0.8:
            rows[number], changes[number] = [hidden] * len(before[number]), None
        elif lot < 0.9:
            other = chance.randrange(len(rows))
            rows[number], changes[number] = before[other], other
    return rows, labels, changes


def mask_nodes(graph: PlainGraph, changes: dict[int, int | None]) -> PlainGraph:
    """The graph with the same residues changed."""
    scalars, vectors = graph.node_scalars.clone(), graph.node_vectors.clone()
    for number, other in changes.items():
        scalars[number] = HIDDEN_RESIDUE if other is None else graph.node_scalars[other]
        vectors[number] = HIDDEN_RESIDUE if other is None else graph.node_vectors[other]
    return replace(graph, node_scalars=scalars, node_vectors=vectors)


@dataclass(frozen=True, slots=True)
class PlainBatch:
    """A padded micro-batch.

    Attributes
    ----------
    residues, terms
        float32 [protein, residue, channel] and [protein, term, channel].
    residue_mask, term_mask
        bool [protein, residue] and [protein, term]; False where padded.
    graphs
        One a protein, nodes masked.
    labels
        By objective, int64 [protein, residue], "go" [protein, term]; `IGNORED` where none.
    """

    residues: Tensor
    terms: Tensor
    residue_mask: Tensor
    term_mask: Tensor
    graphs: list[PlainGraph]
    labels: dict[str, Tensor]


def prepare(
    proteins: Sequence[PlainProtein],
    graphs: Sequence[PlainGraph],
    go_vectors: NDArray[np.float32],
    chance: random.Random,
) -> PlainBatch:
    """Masks and padding, protein by protein; `go_vectors` [class, channel]."""
    residues, terms, masked = [], [], []
    labels: dict[str, list[list[int]]] = {name: [] for name in ("residue", "go", *TAGGINGS)}
    for protein, graph in zip(proteins, graphs, strict=True):
        rows, hidden, changes = mask_rows(protein.vectors, protein.residues, HIDDEN_RESIDUE, chance)
        residues.append(torch.tensor(rows))
        labels["residue"].append(hidden)
        masked.append(mask_nodes(graph, changes))
        vectors = go_vectors[protein.go_terms]
        rows, hidden, _ = mask_rows(vectors, protein.go_terms, HIDDEN_TERM, chance)
        terms.append(torch.tensor(rows))
        labels["go"].append(hidden)
        for tagging in TAGGINGS:
            tags = protein.tags(tagging)
            labels[tagging].append([IGNORED] * len(protein) if tags is None else tags.tolist())
    padded_residues, residue_mask = _pad(residues)
    padded_terms, term_mask = _pad(terms)
    return PlainBatch(
        residues=padded_residues,
        terms=padded_terms,
        residue_mask=residue_mask,
        term_mask=term_mask,
        graphs=masked,
        labels={name: _pad_labels(lists) for name, lists in labels.items()},
    )


def _pad(tables: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Tables [row, channel] in one [protein, row, channel], and where a row is not padding."""
    longest = max(len(table) for table in tables)
    padded = torch.zeros(len(tables), longest, tables[0].shape[1])
    mask = torch.zeros(len(tables), longest, dtype=torch.bool)
    for number, table in enumerate(tables):
        padded[number, : len(table)] = table
        mask[number, : len(table)] = True
    return padded, mask


def _pad_labels(lists: list[list[int]]) -> Tensor:
    longest = max(map(len, lists))
    return torch.tensor([each + [IGNORED] * (longest - len(each)) for each in lists])
