"""A structure encoder for multiprot."""
