"""GO terms that are more frequent in a part of a set of proteins than in the whole; by goatools."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from multiprot.errors import OntologyError
from multiprot.ontology.graph import GeneOntology
from multiprot.ontology.matrix import term_matrix

_METHOD: Final = "fdr_bh"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichedTerm:
    """One term of one study.

    Attributes
    ----------
    go_id, name, namespace
        The term.
    study_count, study_size
        Proteins of the study that have it, and all of them.
    population_count, population_size
        The same of the population.
    p_value
        Two-sided Fisher's exact test.
    adjusted_p_value
        By Benjamini and Hochberg over all terms of the population.
    """

    go_id: str
    name: str
    namespace: str
    study_count: int
    study_size: int
    population_count: int
    population_size: int
    p_value: float
    adjusted_p_value: float

    @property
    def fold(self) -> float:
        """Share of the study over share of the population."""
        study = self.study_count / self.study_size
        return study / (self.population_count / self.population_size)


@dataclass(frozen=True, slots=True)
class _TermFacts:
    """What goatools asks of a term; its own reader of OBO files prints and needs plain text."""

    id: str
    name: str
    namespace: str
    depth: int


class EnrichmentStudies:
    """A population whose parts can be studied.

    Parameters
    ----------
    population
        Ids of proteins, annotated or not, each once.
    annotations
        Protein -> terms, as live ids; ancestors are added. Proteins that are not in the population
        are passed over.
    ontology
        Gives names and ancestors. Its roots are not tested.

    Raises
    ------
    OntologyError
        If no protein of the population is annotated, or ids repeat.
    UnknownTermError, ObsoleteTermError
        If a term is not in the ontology.

    References
    ----------
    Klopfenstein et al., *GOATOOLS: A Python library for Gene Ontology analyses*, Scientific Reports
    8:10872 (2018). Benjamini & Hochberg, *Controlling the false discovery rate*, Journal of the
    Royal Statistical Society B 57:289 (1995).
    """

    def __init__(
        self,
        population: Collection[str],
        annotations: Mapping[str, Collection[str]],
        ontology: GeneOntology,
    ) -> None:
        from goatools.go_enrichment import GOEnrichmentStudy

        # goatools takes a protein whose id begins with "GO:" for a term: it is given numbers.
        self._number = {protein_id: number for number, protein_id in enumerate(population)}
        if len(self._number) < len(population):
            raise OntologyError(f"{len(population):,} ids, of which some repeat; give each once")
        terms = _propagated(self._number, annotations, ontology)
        if not terms:
            raise OntologyError(
                f"none of the {len(population):,} proteins is annotated; give annotations under "
                "the same ids"
            )
        self._studies = GOEnrichmentStudy(
            set(self._number.values()),
            terms,
            _facts(terms, ontology),
            propagate_counts=False,
            methods=[_METHOD],
            log=None,
        )

    def enriched(self, study: Collection[str], *, most: float = 0.05) -> list[EnrichedTerm]:
        """Terms that are more frequent in `study` than in the population, the surest first.

        Parameters
        ----------
        study
            Ids of some of the population.
        most
            Largest adjusted p-value of a term that is given.

        Raises
        ------
        OntologyError
            If a protein is not in the population.
        """
        foreign = next((name for name in study if name not in self._number), None)
        if foreign is not None:
            raise OntologyError(f"{foreign!r} is not in the population; a study is a part of it")
        chosen = {self._number[name] for name in study}
        found = self._studies.run_study(chosen, log=None) if chosen else []
        kept = [r for r in found if r.enrichment == "e" and r.p_fdr_bh <= most]
        kept.sort(key=lambda record: (record.p_uncorrected, record.GO))
        return [
            EnrichedTerm(
                go_id=record.GO,
                name=record.goterm.name,
                namespace=record.goterm.namespace,
                study_count=record.study_count,
                study_size=record.study_n,
                population_count=record.pop_count,
                population_size=record.pop_n,
                p_value=float(record.p_uncorrected),
                adjusted_p_value=float(record.p_fdr_bh),
            )
            for record in kept
        ]


def _propagated(
    number: Mapping[str, int], annotations: Mapping[str, Collection[str]], ontology: GeneOntology
) -> dict[int, set[str]]:
    """Terms of each annotated protein by its number, with ancestors and without roots."""
    annotated = [name for name in number if annotations.get(name)]
    true = term_matrix((annotations[name] for name in annotated), ontology)
    roots = {ontology.row(root) for root in ontology.roots}
    terms = {}
    for row, name in enumerate(annotated):
        columns = true.indices[true.indptr[row] : true.indptr[row + 1]].tolist()
        terms[number[name]] = {ontology.term_ids[c] for c in columns if c not in roots}
    return {protein: found for protein, found in terms.items() if found}


def _facts(terms: Mapping[int, Collection[str]], ontology: GeneOntology) -> dict[str, _TermFacts]:
    return {
        term: _TermFacts(
            term,
            ontology.name(term),
            ontology.namespace(term).value,
            int(ontology.depth[ontology.row(term)]),
        )
        for term in set().union(*terms.values())
    }
