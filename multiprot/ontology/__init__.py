"""What the Gene Ontology is: terms, annotation, information, similarity. No torch."""

from multiprot.ontology.annotation_rows import AnnotationRow, read_annotation_rows
from multiprot.ontology.annotations import AnnotationReport, Annotations, read_annotations
from multiprot.ontology.evidence import CURATED, EXPERIMENTAL, EvidenceFilter
from multiprot.ontology.graph import GeneOntology
from multiprot.ontology.information import (
    information_content,
    intrinsic_information,
    term_counts,
)
from multiprot.ontology.matrix import denied_matrix, term_matrix
from multiprot.ontology.namespace import NAMESPACES, Namespace
from multiprot.ontology.similarity import SemanticSimilarity
from multiprot.ontology.term import RELATIONS, Term

__all__ = [
    "CURATED",
    "EXPERIMENTAL",
    "NAMESPACES",
    "RELATIONS",
    "AnnotationReport",
    "AnnotationRow",
    "Annotations",
    "EvidenceFilter",
    "GeneOntology",
    "Namespace",
    "SemanticSimilarity",
    "Term",
    "denied_matrix",
    "information_content",
    "intrinsic_information",
    "read_annotation_rows",
    "read_annotations",
    "term_counts",
    "term_matrix",
]
