"""What is to be guessed of a batch, or read beside its features: GO terms, spans, geometry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Self

import torch
from torch import Tensor


class _Tensors:
    """A dataclass of tensors that go to a device together."""

    __slots__ = ()

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        """The same on `device`."""
        return self._map(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """The same in page-locked memory."""
        return self._map(lambda part: part.pin_memory())

    def _map(self, move: Callable[[Tensor], Tensor]) -> Self:
        return type(self)(*(move(getattr(self, part.name)) for part in fields(self)))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class GoTargets(_Tensors):
    """GO terms of a batch, propagated along the true path.

    Attributes
    ----------
    terms
        int64 [term]: candidate terms as rows of `GeneOntology.term_ids`, ascending, unique.
    namespaces
        int64 [term]: index of each candidate's namespace in `multiprot.ontology.Namespace`.
    positive
        bool [protein, term]: the term is true of the protein.
    known
        bool [protein, namespace]: the protein has annotation in that namespace. Where it has none,
        the absence of a term says nothing and no term of that namespace may be its negative.
    """

    terms: Tensor
    namespaces: Tensor
    positive: Tensor
    known: Tensor

    @property
    def negative(self) -> Tensor:
        """bool [protein, term]: the term may serve as a negative of the protein."""
        return ~self.positive & self.known[:, self.namespaces]


NO_TERM = -1
"""In place of a GO term: there is none."""
HIDDEN_TERM = -2
"""In place of a GO term: there is one, and it must not be seen."""


@dataclass(frozen=True, slots=True)
class GoSet(_Tensors):
    """GO terms that a model reads, as it reads sequence and structure: a set for each protein.

    Attributes
    ----------
    terms
        int64 [protein, slot]: the protein's terms as rows of `GeneOntology.term_ids`, then
        `NO_TERM`; at least one slot. These are targets: corruption leaves them as they are.
    shown
        int64 [protein, slot]: what the model sees of them; `HIDDEN_TERM`, or another term, where
        an objective's `corrupt` says so.
    hidden
        bool [protein, slot]: chosen by an objective to be guessed, also where the term is shown.
    """

    terms: Tensor
    shown: Tensor
    hidden: Tensor

    def taken(self, rows: Tensor) -> GoSet:
        """The sets of the proteins `rows`, int64 [protein]."""
        return self._map(lambda part: part[rows])


@dataclass(frozen=True, slots=True)
class SpanTargets(_Tensors):
    """Annotated stretches of residues of a batch, one row each; cut where a crop cuts them.

    Attributes
    ----------
    protein
        int64 [span]: row of the batch.
    start, stop
        int64 [span]: residues, 0-based, half-open, all within the crop.
    kind
        int64 [span]: position in `SpanVocabulary.kinds`.
    entry
        int64 [span]: position in `SpanVocabulary.entries`; -1 for a name that no train protein has.
    size
        int64 [span]: residues of the whole span.
    begins, ends
        bool [span]: the first, the last residue here is that of the whole span.
    known
        bool [protein, kind]: the whole protein has a span of that kind of the vocabulary. Where it
        has none, the absence of spans says nothing.
    """

    protein: Tensor
    start: Tensor
    stop: Tensor
    kind: Tensor
    entry: Tensor
    size: Tensor
    begins: Tensor
    ends: Tensor
    known: Tensor


@dataclass(frozen=True, slots=True)
class GeometryTargets(_Tensors):
    """Where the residues of a batch are and how their backbone turns; cut as a crop cuts.

    What is known of a protein's structure is here also where the model does not see it, because
    dropout withheld it or the model has no structure encoder: `ProteinBatch.has_structure` tells.

    Attributes
    ----------
    alpha_carbons
        float32 [protein, residue, xyz], Å, their centre at the origin; 0 where unknown.
    alpha_known
        bool [protein, residue]: the CA was seen; False at padding.
    dihedrals
        float32 [protein, residue, angle], radians in -π … π: phi, psi and omega as
        `multiprot.proteins.backbone_dihedrals` has them; 0 where undefined.
    dihedrals_known
        bool [protein, residue, angle]; False at padding, where an atom is missing and across a
        chain break. Where a crop cuts the chain, angles are those of the whole protein.
    draws
        int64 [protein], ≥ 0: a seed for each protein, by the run's seed, the step and the corpus
        row, whatever else is in the batch. What an objective draws for a protein follows from it.
    """

    alpha_carbons: Tensor
    alpha_known: Tensor
    dihedrals: Tensor
    dihedrals_known: Tensor
    draws: Tensor

    def taken(self, rows: Tensor) -> GeometryTargets:
        """The targets of the proteins `rows`, int64 [protein]."""
        return self._map(lambda part: part[rows])


NO_FOLD_STATE = -1
"""In place of a 3Di state: padding, or a residue of which none is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanVocabulary:
    """Which annotated stretches the train proteins have, and how many.

    Attributes
    ----------
    kinds
        Sorts of spans, sorted: "domain", "motif".
    entries
        A kind and a name each, sorted: what can be told apart.
    proteins
        Train proteins that have each entry.
    spans, singles, residues
        How often it occurs in train proteins, how often over a single residue, and over how many
        residues in all.
    known_residues
        Residues of the train proteins by the kinds of spans that they have: sorted kinds, and how
        many residues belong to proteins with just these.
    """

    kinds: tuple[str, ...]
    entries: tuple[tuple[str, str], ...]
    proteins: tuple[int, ...]
    spans: tuple[int, ...]
    singles: tuple[int, ...]
    residues: tuple[int, ...]
    known_residues: tuple[tuple[tuple[str, ...], int], ...]


@dataclass(frozen=True, slots=True)
class Taught(_Tensors):
    """What one teacher made of the proteins of a batch, found by their sequences.

    Attributes
    ----------
    vectors
        float32 [protein, width]: the whole protein's vector; 0 where the teacher has none.
    known
        bool [protein]: the teacher has a vector of it, and the batch holds all of its residues.
    tokens
        float32 [protein, residue, token width], cut as a crop cuts; 0 where there is none. Of a
        teacher without tokens the token width is 0.
    tokens_known
        bool [protein, residue]; False at padding and everywhere for a teacher without tokens.
    """

    vectors: Tensor
    known: Tensor
    tokens: Tensor
    tokens_known: Tensor


@dataclass(frozen=True, slots=True)
class Teachings(Mapping[str, Taught]):
    """What several teachers made of the proteins of a batch, by the teachers' names."""

    by_teacher: Mapping[str, Taught]

    def __getitem__(self, teacher: str) -> Taught:
        return self.by_teacher[teacher]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_teacher)

    def __len__(self) -> int:
        return len(self.by_teacher)

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        """The same on `device`."""
        moved = {name: taught.to(device, non_blocking) for name, taught in self.items()}
        return type(self)(moved)

    def pin_memory(self) -> Self:
        """The same in page-locked memory."""
        return type(self)({name: taught.pin_memory() for name, taught in self.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherFacts:
    """What is known of a teacher before the first batch; statistics are of the train proteins.

    Attributes
    ----------
    mean, deviation
        float32 [width]: mean and standard deviation of each channel of its protein vectors.
    token_mean, token_deviation
        float32 [token width]: those of its residue tokens; of width 0 for one without tokens.
    term_vectors
        float32 [GO term, width], unit length: where its vectors lie in a space shared with GO
        terms, the terms that it learnt; else None.
    heads
        Weights of what it was trained to read off its tokens, by objective and name in its head,
        such as "fold-state.weight"; empty where they are not at hand.
    """

    mean: Tensor
    deviation: Tensor
    token_mean: Tensor
    token_deviation: Tensor
    term_vectors: Tensor | None = None
    heads: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Channels of its protein vectors."""
        return len(self.mean)

    @property
    def token_width(self) -> int:
        """Channels of its residue tokens; 0 for one without."""
        return len(self.token_mean)
