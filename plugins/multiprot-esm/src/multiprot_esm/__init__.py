"""ESM-2 of any size as a sequence encoder of multiprot, through transformers."""
