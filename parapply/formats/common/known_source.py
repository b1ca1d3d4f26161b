"""What most sources have in common: all their columns are known, and a survey always stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from parapply.formats.nouns import Survey


class KnownSource:
    """The members of formats.Source that a source need not say itself."""

    __slots__ = ()

    joins_surveys = False
    complete = True
    hidden = ()
    schema: Any = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in its schema."""
        return tuple(self.schema.names)

    @property
    def own_columns(self) -> tuple[str, ...]:
        """All of them."""
        return self.columns

    def widened(self, columns: tuple[str, ...]) -> Self:
        """Return the source: it is complete."""
        del columns
        return self

    def resurvey(self, surveys: Sequence[Survey]) -> Self | None:
        """Surveys stand."""
        del surveys
        return None
