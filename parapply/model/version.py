"""The version of this distribution: the one place that says it, see pyproject.toml."""

__version__ = "0.1.0"
