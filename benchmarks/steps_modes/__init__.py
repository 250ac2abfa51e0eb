"""Pseudo bi-level optimisation beside joint training and no link, one small budget each."""
