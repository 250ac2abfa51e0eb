"""multiprot: proteins as vectors that fuse sequence, structure and Gene Ontology."""
