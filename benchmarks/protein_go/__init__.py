"""Protein to GO on held-out proteins: how well a bundle names terms, beside plain references."""
