"""A small corpus made from nothing: families with folds, motifs and a miniature ontology."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from multiprot.data.corpus import Corpus
from multiprot.data.corpus_writer import CorpusWriter
from multiprot.data.synthetic_backbone import Floats
from multiprot.data.synthetic_family import (
    Member,
    draw_ancestor,
    found_family,
    member_backbones,
    motif_spans,
    mutate,
)
from multiprot.data.synthetic_fold import LOOP
from multiprot.data.synthetic_ontology import FOLD_CLASSES, family_terms, mini_ontology
from multiprot.errors import DataError
from multiprot.files import atomic_folder
from multiprot.ontology import NAMESPACES
from multiprot.proteins import BackboneStructure, Confidence, ProteinRecord

HELD_OUT: Final = 0.1
"""Share of each family in the valid split, and again in the test split; at least one member."""

_UNRESOLVED_SHARE: Final = 0.25
_NAMESPACE_KNOWN: Final = 0.85
_DENIED: Final = 0.05
_B_FACTOR: Final = (15.0, 35.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticOptions:
    """What to generate.

    Attributes
    ----------
    families
        Protein families; every four share a class of folds, neighbours share a process.
    proteins_per_family
        Members of each; at least 3, so that each split has one.
    seed
        Decides everything.
    with_structure, with_go
        Shares of the proteins that bear a structure and annotation.
    """

    families: int = 16
    proteins_per_family: int = 25
    seed: int = 0
    with_structure: float = 0.8
    with_go: float = 0.85

    def __post_init__(self) -> None:
        if self.families < 1 or self.proteins_per_family < 3 or self.seed < 0:
            raise DataError(
                f"synthetic corpus: {self.families} families of {self.proteins_per_family} with "
                f"seed {self.seed}; at least 1 family of 3 and a seed of 0 or more are needed"
            )
        for name in ("with_structure", "with_go"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise DataError(f"synthetic corpus: {name} {getattr(self, name)} is outside 0..1")


def make_synthetic_corpus(
    out: Path,
    *,
    families: int = 16,
    proteins_per_family: int = 25,
    seed: int = 0,
    options: SyntheticOptions | None = None,
    overwrite: bool = False,
) -> Corpus:
    """Generate a corpus; the same options give the same bytes of content.

    Parameters
    ----------
    out
        Folder to make.
    families, proteins_per_family, seed
        See `SyntheticOptions`.
    options
        All options at once, instead of the three above.
    overwrite
        Replace `out` if it exists.

    Raises
    ------
    OutputExistsError
        If `out` holds something and `overwrite` is False.
    DataError
        If the options make no sense.
    """
    options = options or SyntheticOptions(
        families=families, proteins_per_family=proteins_per_family, seed=seed
    )
    with atomic_folder(out, overwrite=overwrite) as folder:
        with CorpusWriter(folder) as writer:
            for record, split in synthetic_records(options):
                writer.add(record, split)
        source = {"synthetic": {name: getattr(options, name) for name in _OPTION_NAMES}}
        writer.finish(mini_ontology(options.families), extra={"inputs": source})
    return Corpus.open(out)


def synthetic_records(options: SyntheticOptions) -> Iterator[tuple[ProteinRecord, str]]:
    """Records with their splits, family by family; no two have the same sequence."""
    rng = np.random.default_rng(options.seed)
    ancestors = [draw_ancestor(rng, kind) for kind in range(FOLD_CLASSES)]
    seen: set[str] = set()
    for family in range(options.families):
        founder = found_family(rng, ancestors[family % FOLD_CLASSES])
        members = _distinct_members(rng, founder, options.proteins_per_family, seen)
        backbones = member_backbones(rng, members)
        splits = _splits(len(members))
        for number, (member, backbone) in enumerate(zip(members, backbones, strict=True)):
            record = ProteinRecord(
                id=f"family{family:03d}-{number:04d}",
                sequence=member.sequence,
                features=motif_spans(member, f"family{family:03d}"),
            )
            if rng.random() < options.with_structure:
                record = replace(record, structure=_observe(rng, member, backbone))
            if rng.random() < options.with_go:
                record = _annotate(rng, record, family, options.families)
            yield record, splits[number]


def _distinct_members(
    rng: np.random.Generator, founder: Member, count: int, seen: set[str]
) -> list[Member]:
    members: list[Member] = []
    while len(members) < count:
        member = mutate(rng, founder)
        if member.sequence not in seen:
            seen.add(member.sequence)
            members.append(member)
    return members


def _splits(count: int) -> list[str]:
    held_out = max(1, round(HELD_OUT * count))
    return ["train"] * (count - 2 * held_out) + ["valid"] * held_out + ["test"] * held_out


def _observe(rng: np.random.Generator, member: Member, backbone: Floats) -> BackboneStructure:
    """A backbone as an experiment gives it: glycine without CB, some loops not resolved."""
    residues = len(member.sequence)
    letters = np.array(list(member.sequence))
    present = np.ones((residues, 5), dtype=np.bool_)
    present[letters == "G", 4] = False
    if rng.random() < _UNRESOLVED_SHARE:
        start = int(rng.integers(residues))
        missing = np.arange(start, min(start + int(rng.integers(2, 7)), residues))
        present[missing] = False
    resolved = present.any(axis=1)
    core, surface = _B_FACTOR
    loop = np.array(list(member.fold)) == LOOP
    b_factor = np.where(loop, surface, core) + rng.normal(0.0, 2.0, residues)
    return BackboneStructure(
        coordinates=np.where(present[..., None], backbone, np.nan).astype(np.float32),
        present=present,
        chain_breaks=np.zeros(residues, dtype=np.bool_),
        confidence=np.where(resolved, b_factor, np.nan).astype(np.float32),
        confidence_kind=Confidence.B_FACTOR,
    )


def _annotate(
    rng: np.random.Generator, record: ProteinRecord, family: int, families: int
) -> ProteinRecord:
    """Some namespaces known, and now and then another family's function denied."""
    terms = family_terms(family)
    known = [n for n in NAMESPACES if rng.random() < _NAMESPACE_KNOWN]
    chosen = frozenset(terms[namespace] for namespace in known)
    denied: frozenset[str] = frozenset()
    other = int(rng.integers(families))
    if other != family and rng.random() < _DENIED:
        denied = frozenset({family_terms(other)[NAMESPACES[0]]})
    return replace(record, go_terms=chosen, not_go_terms=denied)


_OPTION_NAMES: Final = tuple(SyntheticOptions.__dataclass_fields__)
