"""Proof, on a user's own machine, that a protein's vector does not depend on its company."""
