"""Unchanged columns, whose pages are copied as they are."""
