"""What a worker does with a piece of an input before any row is worked on."""

from __future__ import annotations

from typing import Any

from parapply.backends.api import ItemProgress
from parapply.formats.api import Source
from parapply.model.records import record
from parapply.storage.private import Naming


@record
class SurveyTask:
    """Surveys one piece of one source: an item is (source, number, piece, rows before it)."""

    sources: tuple[Source, ...]
    positions: tuple[int, ...]

    def __call__(self, item: tuple[int, int, Any, int], pace: ItemProgress) -> Any:
        """Return the piece's Survey."""
        del pace
        source, _, piece, before = item
        with Naming(self.sources[source].name):
            return self.sources[source].survey(piece, self.positions, before)
