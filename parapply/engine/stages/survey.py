"""What a whole input holds, before any row is worked on: types and row counts. In the parent.

The pieces are read by the workers, side by side. What has to be read from its start is read twice,
once for this; of standard input, the first block decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from parapply.backends.api import Done, Session
from parapply.columns.unify import unify
from parapply.engine import plan
from parapply.engine.inputs.feed import Feed
from parapply.engine.inputs.sources import Inputs
from parapply.engine.inputs.streams import Chained, StreamChunks, stream_chunks
from parapply.engine.stages.api import work_off
from parapply.execute.survey import SurveyTask
from parapply.formats.api import Index, Source, TextSource
from parapply.formats.nouns import Field, Survey
from parapply.model.chunk import Chunk
from parapply.model.deferred_imports import pa
from parapply.model.errors import InputError, WorkerError
from parapply.model.records import record

_Blocks = Iterator[tuple[int, bytes]]


@record
class Table:
    """The input's columns, and where its rows are: in files, by index, or in streams."""

    sources: tuple[Source, ...]
    fields: tuple[Field, ...]
    indexes: Mapping[int, Index]
    streams: Mapping[int, _Blocks]
    counts: tuple[int, ...]  # rows of each source, of what is read once those that were seen
    rows: int | None  # None where they are still coming
    chosen: bool = False  # these are the rows that were asked for, not all that there are

    def chunks(self, workers: int, chunk_size: int | None, whole: bool) -> Iterator[Chunk]:
        """Yield the chunks, in order; `whole`: the function is given each as a whole.

        Such chunks are larger, and those of a stream do not depend on how fast it comes.
        """
        found, left = [], self.rows
        for place in range(len(self.sources)):
            last = place == len(self.sources) - 1
            found.append(self._chunks_of(place, workers, chunk_size, whole, left, last=last))
            if left is not None:
                left -= self.counts[place]
        return Chained(found)

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The streams that cannot be looked at beforehand."""
        return tuple(stream for stream in self.streams.values() if isinstance(stream, Feed))

    def _chunks_of(
        self,
        place: int,
        workers: int,
        chunk_size: int | None,
        whole: bool,
        left: int | None,
        *,
        last: bool,
    ) -> Iterator[Chunk]:
        """Return the chunks of one source, numbered from 0; `left`: rows from there to the end."""
        source, stream = self.sources[place], self.streams.get(place)
        if stream is None:
            index, columns = self.indexes[place], len(source.columns)
            return plan.chunks(
                index, place, workers, chunk_size, last=last, whole=whole, columns=columns,
                after=max(0, (left or 0) - index.rows),
            )  # fmt: skip
        from parapply.engine.inputs.cutters import make_cutter

        assert isinstance(source, TextSource), "only text is a stream"
        if isinstance(stream, Feed):
            cutter = make_cutter(source, chunk_size, whole)
            cut = chunk_size is None and not whole
            return StreamChunks(stream, source, cutter, workers if cut else 1, place, last=last)
        cutter = make_cutter(source, chunk_size, whole, left or 0, workers)
        return stream_chunks(stream, place, cutter, last=last)


def survey(session: Session, inputs: Inputs, positions: tuple[int, ...]) -> Table:
    """Find the types of the columns at `positions`, and how many rows there are.

    Raises InputError for the first record, in order, that cannot be read.
    """
    sources, streams = inputs.sources, {p: s.blocks for p, s in inputs.streams.items()}

    def survey_all(places: Iterable[int]) -> list[list[Survey]]:
        stage = SurveyStage(inputs, sources, streams, positions, places)
        work_off(session, stage)
        return stage.found

    found = survey_all(range(len(sources)))
    while again := {p: s for p, source in enumerate(sources) if (s := source.resurvey(found[p]))}:
        sources = tuple(again.get(place, source) for place, source in enumerate(sources))
        anew = survey_all(again)
        found = [anew[p] if p in again else surveys for p, surveys in enumerate(found)]
    for surveys in found:
        for one in surveys:
            if one.error is not None:
                raise one.error
    indexes = {
        place: source.index(found[place])
        for place, source in enumerate(sources)
        if place not in streams
    }
    counts = tuple(
        indexes[place].rows if place in indexes else sum(one.rows for one in found[place])
        for place in range(len(sources))
    )
    rows = None if inputs.endless else sum(counts)
    return Table(sources, join_fields(sources, positions, found), indexes, streams, counts, rows)


class SurveyStage(Iterator[Any]):
    """Surveys the pieces of sources: a Stage. What a worker died of comes again, not for ever."""

    outside = None

    def __init__(
        self,
        inputs: Inputs,
        sources: tuple[Source, ...],
        streams: dict[int, _Blocks],
        positions: tuple[int, ...],
        only: Iterable[int],
    ) -> None:
        self.task = SurveyTask(sources, positions)
        self._found: list[dict[int, Survey]] = [{} for _ in sources]
        self._again: list[tuple[int, int, Any, int]] = []
        self._lost: Counter[tuple[int, int]] = Counter()
        self._items = (
            (place, number, piece, before)
            for place in sorted(only)
            for number, (piece, before) in enumerate(
                _pieces(inputs, sources[place], place, streams)
            )
        )

    def items(self) -> SurveyStage:
        """Return (source, number, piece, rows before it) of each piece."""
        return self

    def take(self, done: Done[tuple[int, int, Any, int], Survey]) -> None:
        """Keep a survey; raises WorkerError where too many workers were lost with the piece."""
        place, number, _, _ = done.item
        if done.result is not None:
            self._found[place][number] = done.result
            return
        self._lost[place, number] += 1
        if self._lost[place, number] == _TRIES:
            name = self.task.sources[place].name
            raise WorkerError(f"a worker {done.lost} while it read {name}, {_TRIES} times")
        self._again.append(done.item)

    def beat(self) -> None:
        """Nothing is to be done meanwhile."""

    @property
    def found(self) -> list[list[Survey]]:
        """The surveys of each source, in order."""
        return [[pieces[number] for number in sorted(pieces)] for pieces in self._found]

    def __next__(self) -> tuple[int, int, Any, int]:
        return self._again.pop() if self._again else next(self._items)


_TRIES = 3


def _pieces(
    inputs: Inputs, source: Source, place: int, streams: dict[int, _Blocks]
) -> Iterator[tuple[Any, int]]:
    """Yield pieces, and how many rows are known to stand before each."""
    if place not in streams:
        yield from ((piece, 0) for piece in source.pieces())
        return
    again = inputs.streams[place].again
    if again is not None:
        before = 0
        for rows, data in streams[place]:
            yield data, before
            before += rows
        streams[place] = again()
    else:
        known = streams[place]  # another survey may have begun to read it
        feed = streams[place] = known if isinstance(known, Feed) else Feed(known)
        if (first := feed.wait()) is not None:
            feed.put_back(first)
            yield first[1], 0


def join_fields(
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
