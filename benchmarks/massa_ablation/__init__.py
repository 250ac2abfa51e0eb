"""What each objective, each modality and the contrast are worth, with one small budget each."""
