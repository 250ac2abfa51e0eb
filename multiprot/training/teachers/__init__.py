"""Whom a student learns from: stores of vectors, or models that are asked at each batch."""
