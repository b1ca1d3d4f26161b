"""The same bytes for any number of workers, chunk size, backend and start method.

Above all where a chunk by itself would be of another type than the whole. The oracle is the run in
one chunk; where that is an error, it has to be one for all chunk sizes.
"""

from __future__ import annotations

import datetime as dt
import decimal
import zoneinfo
from pathlib import Path

import pytest

import parapply
from parapply import Job, ParapplyError
from parapply.formats.common import group_target

ROWS, LATE = 40, 28
SIZES = [1, 7, 28, 29, None]
BERLIN, LIMA = zoneinfo.ZoneInfo("Europe/Berlin"), zoneinfo.ZoneInfo("America/Lima")
NOON = dt.datetime(2024, 5, 1, 12)


def early_late(early, late):
    """A row function that gives one thing, and from row `LATE` on another."""

    def function(row):
        thing = late if row["number"] >= LATE else early
        return thing(row["number"]) if callable(thing) else thing

    return function


FUNCTIONS = {
    "int": early_late(int, int),
    "text": early_late(str, str),
    "int then float": early_late(int, lambda n: n / 8),
    "float then int": early_late(lambda n: n / 8, int),
    "large int then float": early_late(lambda n: 2**60 + n, 0.5),
    "int then unsigned": early_late(int, lambda n: 2**63 + n),
    "negative then unsigned": early_late(lambda n: -n, 2**63),
    "int then unsigned then float": early_late(int, lambda n: 0.5 if n > 35 else 2**63),
    "int then too large": early_late(int, 2**64),
    "none then int": early_late(None, int),
    "none then float": early_late(None, lambda n: n / 7),
    "none then text": early_late(None, str),
    "none then bool": early_late(None, True),
    "none then dict": early_late(None, lambda n: {"a": n, "b": "x"}),
    "int then none": early_late(int, None),
    "nan then int": early_late(float("nan"), int),
    "int then text": early_late(int, str),
    "bool then int": early_late(True, int),
    "int then dict": early_late(int, lambda n: {"a": n}),
    "date then datetime": early_late(NOON.date(), NOON),
    "datetime": early_late(lambda n: NOON + dt.timedelta(microseconds=n), NOON),
    "a zone then another": early_late(NOON.replace(tzinfo=BERLIN), NOON.replace(tzinfo=LIMA)),
    "a zone then none": early_late(NOON.replace(tzinfo=BERLIN), NOON),
    "decimals": early_late(decimal.Decimal("1.10"), decimal.Decimal("20")),
    "decimal then finer": early_late(decimal.Decimal("1.1"), decimal.Decimal("1e-30")),
    "decimal then wide": early_late(decimal.Decimal("0.1"), decimal.Decimal(10**38)),
    "decimal then int": early_late(decimal.Decimal("1.10"), int),
    "int then decimal": early_late(int, decimal.Decimal("1.10")),
    "decimal then float": early_late(decimal.Decimal("1.10"), 0.5),
    "bytes": early_late(b"a", b"b"),
    "time then none": early_late(dt.time(12, 30), None),
    "duration": early_late(dt.timedelta(1), dt.timedelta(microseconds=1)),
    "list of int then float": early_late(lambda n: [n], lambda n: [n / 8]),
    "empty list then text": early_late([], lambda n: [str(n)]),
    "list of none then list": early_late([None], lambda n: [[n]]),
    "nested dict with a new key": early_late(lambda n: [{"a": n}], lambda n: [{"b": n, "a": 0.5}]),
    "dict with a new key": early_late(lambda n: {"a": n}, lambda n: {"b": n, "a": 0.5}),
    "dict without a key": early_late(lambda n: {"b": n, "a": "x"}, lambda n: {"a": "y"}),
    "dict then empty": early_late(lambda n: {"a": n}, {}),
    "empty then dict": early_late({}, lambda n: {"a": n}),
    "dict with a column's name": early_late({"c": 1}, {"share": 2.5}),
    "mixed in one row": early_late(lambda n: n if n % 2 else n / 2, int),
}

EXPLODED = {
    "items late": early_late([], lambda n: list(range(n % 4))),
    "int then float": early_late(lambda n: [n] * (n % 3), lambda n: [n / 8]),
    "dicts with a new key": early_late([{"a": 1}], lambda n: [{"b": n}, {"a": "x"}][:1]),
    "none at all": early_late(None, []),
}


@pytest.fixture
def source(tmp_path) -> Path:
    lines = [f"{n},name {n},{n / 4 if n % 3 else ''}" for n in range(ROWS)]
    (tmp_path / "in.csv").write_text("\n".join(["number,name,share", *lines, ""]))
    return tmp_path / "in.csv"


def outcome(source: Path, suffix: str = "csv", backend: str = "serial", **settings) -> object:
    """The output's bytes, or the kind of error that there was."""
    output = source.with_name(f"out.{suffix}")
    places = {"inputs": (str(source),), "output": str(output)}
    job = Job(**places, backend=backend, start_method="fork", **settings)
    try:
        parapply.run(job)
    except ParapplyError as error:
        return type(error)
    return output.read_bytes()


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_type_that_changes_half_way_is_the_same_for_any_chunk_size(source, function, suffix):
    whole = outcome(source, suffix, function=function, chunk_size=ROWS)
    for size in SIZES:
        assert outcome(source, suffix, function=function, chunk_size=size) == whole, size


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("function", EXPLODED.values(), ids=EXPLODED)
def test_exploded_rows_are_the_same_for_any_chunk_size(source, function, suffix):
    settings = {"function": function, "explode": True}
    whole = outcome(source, suffix, chunk_size=ROWS, **settings)
    for size in SIZES:
        assert outcome(source, suffix, chunk_size=size, **settings) == whole, size


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    "settings",
    [
        {"expression": "number % 3 == 0", "filter": True},
        {"expression": "number > 35", "filter": True},
        {"expression": "value and value * 2", "columns": ("number", "share")},
        {"expression": "name * 2", "into": ("name",), "select": ("name", "share")},
        {"expression": "(number, share)", "into": ("a", "b"), "only": True},
        {"expression": "None if number < 28 else (number, share)", "into": ("a", "b")},
        {"expression": "df.assign(twice=df.number * 2)"},
        {"expression": "df.number > 7", "filter": True},
    ],
    ids=str,
)
def test_every_kind_of_job_is_the_same_for_any_chunk_size(source, settings, suffix):
    whole = outcome(source, suffix, chunk_size=ROWS, **settings)
    assert isinstance(whole, bytes)
    for size in SIZES:
        assert outcome(source, suffix, chunk_size=size, **settings) == whole, size


@pytest.mark.parametrize("workers", [1, 2, 7])
@pytest.mark.parametrize("backend", ["threads", "processes"])
@pytest.mark.parametrize("name", ["int then float", "dict with a new key", "none then text"])
def test_the_number_of_workers_makes_no_difference(source, backend, workers, name):
    function = FUNCTIONS[name]
    whole = outcome(source, function=function, chunk_size=ROWS)
    for size in (10, None):
        settings = {"chunk_size": size, "workers": workers, "backend": backend}
        assert outcome(source, function=function, **settings) == whole


@pytest.mark.parametrize("size", [1, 20, 30, 4096])
def test_row_groups_do_not_depend_on_the_chunks(source, monkeypatch, size):
    monkeypatch.setattr(group_target, "ROWS_PER_GROUP", 20)
    settings = {"expression": "name.upper()", "suffix": "parquet"}
    whole = outcome(source, chunk_size=ROWS, **settings)
    assert outcome(source, chunk_size=size, **settings) == whole


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("source_suffix", ["csv", "parquet"])
def test_flights_are_the_same_for_any_workers_and_chunk_size(
    succeed, functions, flights_folder, tmp_path, suffix, source_suffix
):
    source = flights_folder / f"flights.{source_suffix}"
    outputs = set()
    for settings in (
        ["-j", "1"],
        ["-j", "7"],
        ["-j", "2", "--chunk-size", "997"],
        ["--backend", "threads", "--chunk-size", "200"],
    ):
        succeed("functions.py:times", source, "-o", f"out.{suffix}", *settings)
        outputs.add((tmp_path / f"out.{suffix}").read_bytes())
    assert len(outputs) == 1


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_every_start_method_gives_the_same(succeed, functions, flights_csv, method):
    serial = succeed("functions.py:times", flights_csv, "--backend", "serial")
    settings = ["--start-method", method, "--chunk-size", "1500", "-j", "2"]
    assert succeed("functions.py:times", flights_csv, *settings) == serial
