"""What a whole input holds, before any row is worked on: types and row counts. In the parent.

The pieces are read by the workers, side by side; of a stream, the first block decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa

from parapply import plan
from parapply.backends import Session
from parapply.errors import InputError, WorkerError
from parapply.formats import Field, Index, Source, Survey
from parapply.inputs import Inputs
from parapply.job import Chunk
from parapply.types import unify
from parapply.worker import SurveyTask


@dataclass(frozen=True, slots=True)
class Surveyed:
    """The input's columns, and its rows: counted, or coming as a stream."""

    fields: tuple[Field, ...]
    indexes: tuple[Index, ...]
    stream: Iterator[tuple[int, bytes]] | None

    @property
    def rows(self) -> int | None:
        """All rows, or None where they are still coming."""
        return None if self.stream is not None else sum(index.rows for index in self.indexes)

    def chunks(self, workers: int, chunk_size: int | None) -> Iterator[Chunk]:
        """Yield the chunks, in order."""
        if self.stream is None:
            return plan.chunks(self.indexes, workers, chunk_size)
        return _stream_chunks(self.stream)


def survey(session: Session, inputs: Inputs, positions: tuple[int, ...]) -> Surveyed:
    """Find the types of the columns at `positions`, and how many rows there are."""
    if inputs.stream is not None:
        return _survey_stream(session, inputs.sources[0], inputs.stream, positions)
    found: list[dict[int, Survey]] = [{} for _ in inputs.sources]
    items = (
        (place, number, piece)
        for place, source in enumerate(inputs.sources)
        for number, piece in enumerate(source.pieces())
    )
    for done in session.run(SurveyTask(inputs.sources, positions), items):
        if done.lost is not None or done.result is None:
            raise WorkerError(f"a worker {done.lost} while it read {inputs.sources[0].name}")
        place, number, _ = done.item
        found[place][number] = done.result
    ordered = [[pieces[number] for number in sorted(pieces)] for pieces in found]
    return Surveyed(
        _join_fields(inputs.sources, positions, ordered),
        tuple(s.index(pieces) for s, pieces in zip(inputs.sources, ordered, strict=True)),
        None,
    )


def _survey_stream(
    session: Session,
    source: Source,
    stream: Iterator[tuple[int, bytes]],
    positions: tuple[int, ...],
) -> Surveyed:
    first = next(stream, None)
    if first is None:
        return Surveyed(source.fields(positions, []), (), iter(()))
    task = SurveyTask((source,), positions)
    (done,) = list(session.run(task, iter([(0, 0, first[1])])))
    if done.result is None:
        raise WorkerError(f"a worker {done.lost} while it read {source.name}")
    return Surveyed(source.fields(positions, [done.result]), (), chain([first], stream))


def _stream_chunks(stream: Iterator[tuple[int, bytes]]) -> Iterator[Chunk]:
    before = 0
    for number, (rows, data) in enumerate(stream):
        yield Chunk(number, 0, None, before, rows, data=data)
        before += rows


def _join_fields(
    sources: tuple[Source, ...], positions: tuple[int, ...], surveys: list[list[Survey]]
) -> tuple[Field, ...]:
    """Return one schema for all sources: pieces of one kind of source are joined as one file's."""
    first = sources[0]
    if first.joins_surveys:
        return first.fields(positions, list(chain.from_iterable(surveys)))
    fields = first.fields(positions, surveys[0])
    for source, pieces in zip(sources[1:], surveys[1:], strict=True):
        others = source.fields(positions, pieces)
        fields = tuple(
            _both(first, source, one, two) for one, two in zip(fields, others, strict=True)
        )
    return fields


def _both(first: Source, source: Source, one: Field, two: Field) -> Field:
    type_ = unify(one.type or pa.null(), two.type or pa.null())
    if type_ is None:
        raise InputError(
            f"{first.name} and {source.name} are not parts of one table: "
            f"column {one.name!r} is {one.type} in one and {two.type} in the other"
        )
    return Field(one.name, type_, one.nullable or two.nullable)
