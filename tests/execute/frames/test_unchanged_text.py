"""Functions that return what they are given, on text of any kind: the input's own bytes come out.

From files, pipes and compressed, by rows, values and chunks, for any workers and chunks.
"""

from __future__ import annotations

import gzip
import os
import re
import threading
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import parapply
from parapply import Job


def as_it_came(df: pd.DataFrame):
    return df


def a_copy(df: pd.DataFrame):
    return df.copy()


# What a column may be full of; each is a kind that some reader changes.
NUMBERS = [
    ["1", "-0", "+6", " 7", "8 ", "007", "12345678901234567", "0"],
    ["1", "2", "+3", " 4"],
    ["0.10", "1e5", "-1.50", ".5", "2.", "1E-7", "inf", "NaN", "-0.0"],
    ["9007199254740993", "18446744073709551615", "123456789012345678901234567890"],
    ["9223372036854775807", "-9223372036854775808", "1"],
    ["true", "FALSE", "True"],
    ["2024-01-31", "2024-01-31 09:05:00", "24:00"],
]
MISSING = ["", "NA", "null", "NaN", "N/A", "#N/A"]
TEXT = st.text(st.sampled_from("ab\",;\n\r +é😀0.\t'\\#"), max_size=6)
ROWS = {  # without any, nobody knows that there would be dicts
    "row": {"expression": "row", "by": "row"},
    "dict": {"expression": "{**row}", "by": "row"},
    "dict in another order": {"expression": "dict([*row.items()][::-1])", "by": "row"},
}
WAYS = {
    **ROWS,
    "values": {"expression": "value", "by": "value"},
    "chunk": {"function": as_it_came},
    "copied chunk": {"function": a_copy},
}


@st.composite
def tables(draw, least_rows=0):
    """CSV text, and its columns' names: fields are quoted where they have to be, and elsewhere."""
    width, end = draw(st.integers(1, 4)), draw(st.sampled_from(["\n", "\r\n"]))
    names = draw(st.lists(TEXT.map("n{}".format), min_size=width, max_size=width, unique=True))
    kinds = [
        draw(st.one_of(st.just(TEXT), st.sampled_from(NUMBERS).map(st.sampled_from))) for _ in names
    ]
    cells = [st.one_of(kind, kind, st.sampled_from(MISSING)) for kind in kinds]
    rows = draw(st.lists(st.tuples(*cells), min_size=least_rows, max_size=6))
    stray = draw(st.booleans())

    def written(text):
        opens = text.startswith('"') or ('"' in text and not stray)
        if opens or re.search("[,\r\n]", text) or (width == 1 and not text):
            return '"' + text.replace('"', '""') + '"'
        return f'"{text}"' if draw(st.integers(0, 5)) == 0 and '"' not in text else text

    lines = [",".join(map(written, row)) for row in [names, *rows]]
    return (end.join(lines) + draw(st.sampled_from([end, ""]))).encode(), names


class Pipe:
    """The end of a pipe that is read, by its name; what is written may come in two pieces."""

    def __init__(self, data: bytes, cut: int) -> None:
        self._read, self._write = os.pipe()
        self._thread = threading.Thread(target=self._feed, args=(data[:cut], data[cut:]))

    def __enter__(self) -> str:
        self._thread.start()
        return f"/dev/fd/{self._read}"

    def __exit__(self, *exception: object) -> None:
        os.close(self._read)
        self._thread.join()

    def _feed(self, *pieces: bytes) -> None:
        with os.fdopen(self._write, "wb", buffering=0) as file:
            for piece in pieces:
                file.write(piece)


def run(folder: Path, source: object, way: str, names: list[str], **options: object) -> bytes:
    """Return what comes out of a job."""
    job = {"backend": "serial", "delimiter": ",", **WAYS[way], **options}
    if way == "values":
        job["columns"] = tuple(names)
    parapply.run(Job(inputs=source, output=folder / "out.csv", input_format="csv", **job))
    return (folder / "out.csv").read_bytes()


@pytest.mark.parametrize("way", WAYS)
def test_the_inputs_own_bytes_come_out(tmp_path_factory, way):
    folder = tmp_path_factory.mktemp("text")

    @settings(max_examples=settings().max_examples // 4)
    @given(tables(way in ROWS), st.sampled_from([1, 2, 3, None]), st.integers(0, 40))
    @example((b"phone,n\n+49 30,+6\n 7 , 8\n", ["phone", "n"]), None, 3)
    @example((b'id,5" disk\n1,x\n2,y\n', ["id", '5" disk']), 1, 0)
    def check(table, size, cut):
        data, names = table
        (folder / "in.csv").write_bytes(data)
        (folder / "in.csv.gz").write_bytes(gzip.compress(data))
        for source in (folder / "in.csv", folder / "in.csv.gz"):
            assert run(folder, source, way, names, chunk_size=size) == data
        with Pipe(data, cut) as source:
            assert run(folder, source, way, names) == data

    check()


@pytest.mark.parametrize("backend", ["threads", "processes"])
@pytest.mark.parametrize("way", WAYS)
def test_any_workers_give_the_inputs_own_bytes(tmp_path_factory, way, backend):
    folder = tmp_path_factory.mktemp("text")

    @settings(max_examples=5)
    @given(tables(way in ROWS), st.sampled_from([2, 3]), st.sampled_from([1, 2, None]))
    def check(table, workers, size):
        data, names = table
        (folder / "in.csv").write_bytes(data)
        options = {"backend": backend, "workers": workers, "chunk_size": size}
        assert run(folder, folder / "in.csv", way, names, **options) == data

    check()
