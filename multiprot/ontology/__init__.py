"""What the Gene Ontology is: terms, annotation, information, similarity. No torch."""

from multiprot.ontology.graph import GeneOntology
from multiprot.ontology.namespace import NAMESPACES, Namespace
from multiprot.ontology.term import RELATIONS, Term

__all__ = ["NAMESPACES", "RELATIONS", "GeneOntology", "Namespace", "Term"]
