"""Where lines are, so that messages can name them, and how their values are taken."""

from __future__ import annotations

from collections.abc import Collection

from parapply.formats.common.record_locator import RecordLocator
from parapply.formats.jsonl.lines import LineError
from parapply.formats.nouns import Field
from parapply.model.errors import InputError
from parapply.model.records import record


@record
class JsonlLocator(RecordLocator):
    """Which lines these are, and how their values are taken."""

    fields: tuple[Field, ...]
    forced: Collection[str]  # columns whose type was asked for
    nulls: Collection[str]  # texts that stand for a missing value

    def mistake(self, error: LineError) -> InputError:
        """Put what is wrong with a line into words."""
        return InputError(f"{self.where(error.row)} {error.why}")
