"""Rows that fail: what becomes of them, and what is said of them."""
