"""Arrow columns to text."""
