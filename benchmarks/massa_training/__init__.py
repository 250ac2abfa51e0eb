"""Time of MASSA's training step: ours beside the step as it was released, on the same proteins."""
