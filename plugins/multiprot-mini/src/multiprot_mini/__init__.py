"""A small sequence model of multiprot, with its weights."""
