"""MASSA's pretraining step in plain PyTorch, organised as released: a rival for ours."""
