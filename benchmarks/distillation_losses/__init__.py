"""What each loss of distillation, more teachers and their weighting are worth; small budgets."""
