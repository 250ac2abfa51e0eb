"""ESM-2, ESM-1b and ESM-IF1 as encoders of multiprot."""
