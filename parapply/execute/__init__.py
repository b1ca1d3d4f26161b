"""A worker's side: read the chunk, call the function, write the part, say what came of it."""
