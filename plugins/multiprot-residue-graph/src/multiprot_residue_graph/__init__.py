"""Residue graphs as structure encoders of multiprot: GIN (STEPS), GCN (DeepFRI) and GearNet."""
