"""Compression and encodings: what lies between a file's bytes and its text."""
