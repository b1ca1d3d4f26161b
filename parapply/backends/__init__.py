"""Ways to run a task over many items: api.py says what each has, registry.py which."""
