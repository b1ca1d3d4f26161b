"""What is read: names become sources, which are surveyed for types and row counts."""
