"""Pretraining; the only folder that imports lightning."""
