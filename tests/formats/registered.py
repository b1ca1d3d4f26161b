"""The registered formats, for tests that go over them: what is added there is tested here."""

from __future__ import annotations

from parapply.formats import registry

FORMATS = list(registry.FORMATS)
# Of formats that one module reads and writes, the first: where what differs is not of concern.
_MODULES = [(entry.reader or entry.writer).partition(":")[0] for entry in registry.FORMATS.values()]
ONE_OF_EACH = [FORMATS[_MODULES.index(module)] for module in dict.fromkeys(_MODULES)]


def suffix(name: str) -> str:
    """What names of its files end with, the dot included."""
    return registry.FORMATS[name].suffixes[0]
