"""What can embed: a saved model, or one encoder of a plugin alone."""
