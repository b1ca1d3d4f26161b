"""How the function is called for a chunk: row by row, awaited, or all rows at once."""
