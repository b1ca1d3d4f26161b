"""Reading and writing tables: api/ has the Protocols of a format, registry.py the formats."""
