"""Pretraining losses, one file each."""
