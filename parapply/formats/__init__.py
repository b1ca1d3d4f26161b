"""Ways to read and write tables: api.py says what each has, registry.py which there are."""
