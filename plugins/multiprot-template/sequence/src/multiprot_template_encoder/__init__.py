"""A sequence encoder for multiprot."""
