"""Rows that fail: what becomes of them, what is said of them, and where they are kept."""
