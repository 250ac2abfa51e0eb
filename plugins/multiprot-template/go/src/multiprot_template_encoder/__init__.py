"""A GO encoder for multiprot."""
