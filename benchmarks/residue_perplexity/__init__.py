"""How well hidden residues are guessed: students beside counts of letters and of their triples."""
