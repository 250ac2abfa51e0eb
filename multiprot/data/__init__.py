"""Records on disk to batches: corpus, split, sampler, collate."""
