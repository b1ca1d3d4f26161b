"""Defaults for most sources: all columns are known from the start, and surveys always hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from parapply.formats.nouns import Survey


class KnownSource:
    """The members of api.Source that a source need not define itself."""

    __slots__ = ()

    joins_surveys = False
    complete = True
    hidden = ()
    schema: Any = None

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.schema.names)

    @property
    def own_columns(self) -> tuple[str, ...]:
        return self.columns

    def widened(self, columns: tuple[str, ...]) -> Self:
        return self

    def resurvey(self, surveys: Sequence[Survey]) -> Self | None:
        return None
