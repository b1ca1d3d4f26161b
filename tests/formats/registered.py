"""The registered formats that are read and written, for tests that go over them."""

from __future__ import annotations

from parapply.formats import registry

FORMATS = [name for name, entry in registry.FORMATS.items() if entry.reader and entry.writer]
# Of formats that one module reads and writes, the first: where what differs is not of concern.
_MODULES = [registry.FORMATS[name].reader.partition(":")[0] for name in FORMATS]
ONE_OF_EACH = [FORMATS[_MODULES.index(module)] for module in dict.fromkeys(_MODULES)]


def suffix(name: str) -> str:
    """What names of its files end with, the dot included."""
    return registry.FORMATS[name].suffixes[0]
