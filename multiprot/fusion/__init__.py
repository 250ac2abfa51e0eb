"""How sequence, structure and GO meet: cross-attention, pooling, projection."""
