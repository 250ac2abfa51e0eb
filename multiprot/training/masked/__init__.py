"""Pretraining of a student on sequences alone: hidden residues are guessed."""
