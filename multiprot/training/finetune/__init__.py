"""Fine-tuning as far as it knows nothing of tasks: steps, looks at valid, the best weights."""
