"""ESM-IF1's encoder: structure tokens from backbone coordinates (Hsu et al. 2022)."""
