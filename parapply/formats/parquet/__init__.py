"""Parquet: row groups read independently, unchanged columns copied page by page."""
