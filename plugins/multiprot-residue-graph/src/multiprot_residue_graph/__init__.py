"""Residue graphs as structure encoders of multiprot: a weighted GIN (STEPS) and GearNet."""
