"""How well distances and dihedrals are guessed, beside what frequencies alone would give."""
