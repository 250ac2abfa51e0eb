"""Embedding side by side: the engine and what people would use instead, in one run."""
