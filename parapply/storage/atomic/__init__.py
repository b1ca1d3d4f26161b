"""Atomic outputs: claimed, staged, published. In the parent."""
