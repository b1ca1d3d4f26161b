"""Outputs that appear whole or not at all: staged, claimed, published. In the parent."""
