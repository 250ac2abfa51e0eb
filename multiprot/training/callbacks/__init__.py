"""What happens around the steps: averaging, checkpoints, interruption, timing, reports."""
