"""What the Gene Ontology is: terms, annotation, information, similarity. No torch."""
