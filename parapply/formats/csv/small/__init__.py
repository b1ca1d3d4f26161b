"""Small and plain CSV files without numpy and Arrow, whose import takes longer."""
