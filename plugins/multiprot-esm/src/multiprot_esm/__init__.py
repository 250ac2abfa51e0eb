"""ESM-1b and ESM-2 of any size as sequence encoders of multiprot, through transformers."""
