"""Parquet: row groups read apart, untouched columns copied as the pages that they are."""
