"""Chunks as data frames: what a chunk function is given, and what it gives back."""
