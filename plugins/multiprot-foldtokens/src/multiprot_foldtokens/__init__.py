"""Foldseek's 3Di states, a structure encoder of multiprot."""
