"""Columns that nobody changed: their pages are copied as they are."""
