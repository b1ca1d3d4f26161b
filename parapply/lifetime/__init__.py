"""How a worker starts, what it knows of itself, and how it ends."""
