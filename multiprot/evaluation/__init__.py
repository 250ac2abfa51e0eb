"""What vectors are worth: tasks, probes, metrics and the comparison of models."""
