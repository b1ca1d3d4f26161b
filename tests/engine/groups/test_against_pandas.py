"""Groups against `df.groupby(keys, sort=True, dropna=False)`, on flights and on random tables."""

from __future__ import annotations

import json
import random

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from parapply import Group, Job, run


def stats(df: pd.DataFrame):
    return {"rows": len(df), "sum": df["v"].sum(), "first": df["i"].iloc[0]}


def ends(group: Group):
    return {"rows": len(group), "first": group["i"][0], "last": group.i[-1]}


def lag(group: Group):
    return [None, *group["i"][:-1]]


def rank(df: pd.DataFrame):
    return df["v"].rank(method="first")


def top(df: pd.DataFrame) -> pd.DataFrame:
    return df.head(2)[["i", "v"]]


def every_other(group: Group):
    return [place % 2 == 0 for place in range(len(group))]


def large(group: Group):
    return len(group) > 3


CASES = [
    (stats, {}), (ends, {}), (top, {}), (lag, {"each": True}), (rank, {"each": True}),
    (every_other, {"filter": True}), (large, {"filter": True}), (ends, {"keys_as_met": True}),
    (top, {"keys_as_met": True}), (stats, {"drop_missing_keys": True}),
    (lag, {"each": True, "drop_missing_keys": True}), (ends, {"sort_by": "-v"}),
]  # fmt: skip


def expected(table, names, function, settings):
    """What pandas makes of the whole table, as columns."""
    groups = [
        (key, part) for key, part in table.groupby(names, sort=False, dropna=False)
    ]  # fmt: skip
    groups.sort(key=lambda group: [_order(part) for part in group[0]])
    if settings.get("keys_as_met"):
        groups.sort(key=lambda group: group[1].index[0])
    if settings.get("drop_missing_keys"):
        groups = [group for group in groups if not any(map(pd.isna, group[0]))]
    parts = [part for _, part in groups]
    if settings.get("sort_by"):
        parts = [part.sort_values("v", ascending=False, kind="stable") for part in parts]
    if function is top:
        return {"i": [i for part in parts for i in part["i"].head(2)]}
    if function is stats:
        return {
            "rows": list(map(len, parts)), "sum": [part["v"].sum() for part in parts],
            "first": [part["i"].iloc[0] for part in parts],
        }  # fmt: skip
    if function is ends:
        return {
            "rows": list(map(len, parts)), "first": [part["i"].iloc[0] for part in parts],
            "last": [part["i"].iloc[-1] for part in parts],
        }  # fmt: skip
    made = pd.concat([_rows(part, function) for part in parts]).sort_index() if parts else []
    if settings.get("filter"):
        return {"i": [i for i, kept in made.items() if kept] if parts else []}
    return {"i": list(made.index) if parts else [], function.__name__: list(made)}


def _order(value):
    missing = pd.isna(value)
    return missing, 0 if missing else value.encode() if isinstance(value, str) else value


def _rows(part, function):
    values = {
        lag: part["i"].shift(), rank: part["v"].rank(method="first"),
        every_other: np.arange(len(part)) % 2 == 0, large: [len(part) > 3] * len(part),
    }[function]  # fmt: skip
    return pd.Series(list(values), part["i"])


def same(found, wanted) -> bool:
    pairs = list(zip(found, wanted, strict=True))
    return all((pd.isna(one) and pd.isna(other)) or one == other for one, other in pairs)


def read(path):
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pandas()
    if path.suffix == ".csv":
        return pd.read_csv(path, keep_default_na=True)
    lines = path.read_text().splitlines()
    return pd.DataFrame(list(map(json.loads, lines)))


class Maker:
    """Random keys of every type."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def key(self, kind, rows, card):
        values = [self._value(kind, card) for _ in range(rows)]
        if kind.startswith("missing"):
            values = [None if self.random.random() < 0.1 else value for value in values]
        types = {
            "float": pa.float64(), "bool": pa.bool_(), "date": pa.date32(), "text": pa.string(),
            "time": pa.timestamp("us"), "decimal": pa.decimal128(20, 0), "word": pa.string(),
            "missing text": pa.string(),
        }  # fmt: skip
        type_ = types.get(kind, pa.int64())
        if kind in ("date", "time", "decimal"):
            integers = pa.array(values, pa.int32() if kind == "date" else pa.int64())
            return integers.view(type_) if kind == "date" else integers.cast(type_)
        array = pa.array(values, type_)
        return array.dictionary_encode() if kind == "word" else array

    def _value(self, kind, card):
        number = self.random.randrange(card)
        if "text" in kind or kind == "word":
            return self.random.choice([f"k{number}", f"é{number}", f"K {number}"])
        if kind == "float":
            return self.random.choice([0.0, -0.0, 1.5, -3.25, float("inf"), float("nan"), None])
        if kind == "bool":
            return self.random.choice([True, False, None])
        return {"one": 7, "negative": -number, "time": number * 1_000_003}.get(kind, number)


KINDS = [
    "number", "negative", "missing number", "text", "missing text", "float", "bool", "date",
    "time", "decimal", "word", "one",
]  # fmt: skip
FORMATS = ["csv", "parquet", "jsonl", "arrow"]


def write(table, path):
    if path.suffix == ".csv":
        pa.csv.write_csv(table, path)
    elif path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=97)
    elif path.suffix == ".arrow":
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table, max_chunksize=61)
    else:
        rows = [
            {n: None if isinstance(v, float) and v != v else v for n, v in row.items()}
            for row in table.to_pylist()
        ]  # fmt: skip
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize("seed", range(48))
def test_values_order_and_bytes_are_pandas_for_any_way_to_run_it(tmp_path, seed):
    maker = Maker(seed)
    pick = maker.random.choice
    rows, card = pick([1, 2, 5, 50, 700]), pick([1, 3, 40, 500])
    suffix, names = FORMATS[seed % 4], ["k0", "k1"][: pick([1, 1, 2])]
    kinds = [kind for kind in KINDS if suffix in ("parquet", "arrow") or "text" in kind or kind
             not in ("date", "time", "decimal", "word")]  # fmt: skip
    columns = {name: maker.key(pick(kinds), rows, card) for name in names}
    columns["i"] = pa.array(range(rows), pa.int64())
    columns["v"] = pa.array([maker.random.randrange(400) / 4 for _ in range(rows)])
    table, source = pa.table(columns), tmp_path / f"in.{suffix}"
    write(table, source)
    function, settings = CASES[seed % len(CASES)]
    output = tmp_path / f"out.{pick(['csv', 'jsonl', 'parquet'])}"
    found = set()
    for options in (
        {"workers": 1, "backend": "serial"},
        {"workers": 2, "chunk_size": 13, "backend": "threads"},
        {"workers": 7, "chunk_size": 100_000, "memory": "50M"},
    ):
        job = Job(
            function=function, inputs=source, output=output, group_by=names, **settings, **options
        )
        run(job)
        found.add(output.read_bytes())
    assert len(found) == 1
    frame = read(source) if suffix in ("csv", "jsonl") else table.to_pandas()
    for name in names:
        if frame[name].dtype.kind == "f":
            frame[name] += 0.0  # -0.0 is 0.0
    wanted, got = expected(frame, names, function, settings), read(output)
    if next(iter(wanted.values())):
        for name, values in wanted.items():
            assert same(got[name], values), name


def delays(df: pd.DataFrame):
    return {"flights": len(df), "mean": df["dep_delay"].mean(), "far": df["distance"].max()}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("by", [["carrier"], ["origin", "dest"], ["tailnum"], ["dep_time"]])
def test_flights(flights, flights_folder, tmp_path, suffix, by):
    output = tmp_path / "out.csv"
    run(Job(function=delays, inputs=flights_folder / f"flights.{suffix}", output=output,
            group_by=by, workers=2))  # fmt: skip
    groups = pd.read_csv(flights_folder / "flights.csv").groupby(by, sort=True, dropna=False)
    whole = pd.DataFrame({
        "flights": groups.size(), "mean": groups["dep_delay"].mean(),
        "far": groups["distance"].max(),
    }).reset_index()  # fmt: skip
    found = pd.read_csv(output)
    pd.testing.assert_frame_equal(found, whole, check_dtype=False)
