"""Compression and text encodings of files."""
