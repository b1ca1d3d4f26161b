"""Sorted runs: rows of the input in the order of their keys, between a shuffle and the groups."""
