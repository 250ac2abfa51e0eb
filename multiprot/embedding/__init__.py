"""Records to vectors, and the store they are written to."""
