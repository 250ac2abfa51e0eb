"""The fast sequence model: a packed pre-norm transformer with rotary positions and gated layers."""
