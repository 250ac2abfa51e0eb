"""Whether a measure of transferability tells what adapting a model to one task does for another."""
