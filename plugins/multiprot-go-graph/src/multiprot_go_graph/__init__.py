"""GO encoders of multiprot: messages over the graph, vectors from a file, definition texts."""
