"""Whole jobs through the command, against what pandas gives serially on the whole table."""

from __future__ import annotations

import io
import json

import pandas as pd
import pandas.testing as pdt
import pytest

CHUNKS = ("--chunk-size", "700")


@pytest.fixture
def whole(flights_csv) -> pd.DataFrame:
    return pd.read_csv(flights_csv)


@pytest.fixture
def job(succeed, functions, flights_csv):
    """Run a job on the flights, by default those in CSV, to standard output."""

    def run(*arguments, source=flights_csv, **settings) -> bytes:
        return succeed(*arguments, source, **settings)

    return run


def read(content: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(content))


def appended(output: bytes, source) -> list[str]:
    """Check that the output is the input's own lines, each longer; return what was appended."""
    ours, theirs = output.decode().splitlines(), source.read_text().splitlines()
    assert len(ours) == len(theirs)
    assert all(line.startswith(f"{start},") for line, start in zip(ours, theirs, strict=True))
    return [line[len(start) + 1 :] for line, start in zip(ours, theirs, strict=True)]


def as_written(**columns) -> list[str]:
    """The lines of a CSV file that pandas writes of these columns."""
    text = pd.DataFrame(columns).assign(end="").to_csv(index=False)
    return [line.rpartition(",")[0] for line in text.splitlines()]


# What a row function returns.


def test_a_scalar_becomes_a_column_called_like_the_function(job, flights_csv, whole):
    output = job("functions.py:speed", *CHUNKS)
    speed = whole["distance"] / whole["air_time"] * 60
    assert appended(output, flights_csv) == as_written(speed=speed)


def test_text_becomes_a_column(job, flights_csv, whole):
    output = job("functions.py:route", "--into", "way", *CHUNKS)
    way = whole["origin"] + "-" + whole["dest"]
    assert appended(output, flights_csv) == as_written(way=way)


def test_none_for_every_row_becomes_an_empty_column(job, flights_csv, whole):
    output = job("functions.py:nothing", *CHUNKS)
    assert appended(output, flights_csv) == ["nothing", *[""] * len(whole)]


def test_a_dict_becomes_columns_and_missing_keys_are_empty(job, flights_csv, whole):
    output = job("functions.py:times", *CHUNKS)
    minute = (whole["dep_time"] // 100 * 60 + whole["dep_time"] % 100).astype("Int64")
    found = sorted(appended(output, flights_csv)[0].split(","))
    assert found == ["cancelled", "dep_minute"]
    assert appended(output, flights_csv) == as_written(
        cancelled=whole["dep_time"].isna(), dep_minute=minute
    )


def test_a_namedtuple_becomes_columns(job, flights_csv, whole):
    output = job("functions.py:point", *CHUNKS)
    assert appended(output, flights_csv) == as_written(x=whole["distance"] * 2, y=whole["carrier"])


def test_a_series_becomes_columns(job, flights_csv, whole):
    output = job("functions.py:series", *CHUNKS)
    assert appended(output, flights_csv) == as_written(a=whole["hour"], b=whole["carrier"])


def test_a_tuple_becomes_the_columns_of_into(job, flights_csv, whole):
    output = job("functions.py:pair", "--into", "h,m", *CHUNKS)
    assert appended(output, flights_csv) == as_written(h=whole["hour"], m=whole["minute"])


def test_a_tuple_without_into_becomes_json_in_csv(job, whole):
    output = read(job("functions.py:pair", *CHUNKS))
    expected = whole[["hour", "minute"]].to_numpy().tolist()
    assert output["pair"].map(json.loads).tolist() == expected


def test_a_tuple_without_into_becomes_a_list_in_parquet(job, whole, tmp_path):
    job("functions.py:pair", "-o", "out.parquet", *CHUNKS)
    output = pd.read_parquet(tmp_path / "out.parquet")
    expected = whole[["hour", "minute"]].to_numpy().tolist()
    assert [list(pair) for pair in output["pair"]] == expected


def test_a_column_of_the_results_name_is_replaced_where_it_stands(job, flights, whole):
    output = job("functions.py:speed", "--into", "carrier", *CHUNKS)
    speed = whole["distance"] / whole["air_time"] * 60
    assert output.decode() == flights.assign(carrier=speed).to_csv(index=False)


# Rows that stay, and rows that become several.


def test_filter_keeps_rows_as_they_are(job, flights, whole):
    output = job("--filter", "functions.py:late", *CHUNKS)
    assert output.decode() == flights[whole["dep_delay"] > 30].to_csv(index=False)


def test_filter_that_keeps_nothing_leaves_the_header(job, flights):
    assert job("--filter", "functions.py:nothing").decode() == flights[:0].to_csv(index=False)


def test_filter_with_select_leaves_the_other_columns_out(job, flights, whole):
    output = job("--filter", "-e", "distance > 4000", "--select", "tailnum,dest", *CHUNKS)
    expected = flights.loc[whole["distance"] > 4000, ["tailnum", "dest"]]
    assert output.decode() == expected.to_csv(index=False)


def test_explode_makes_a_row_of_each_item(job, flights):
    output = job("--explode", "functions.py:letters", "--into", "letter", *CHUNKS)
    expected = flights.assign(letter=flights["carrier"].map(list)).explode("letter")
    assert output.decode() == expected.to_csv(index=False)


def test_explode_of_dicts_makes_their_columns(job, flights):
    output = job("--explode", "-e", "[{'i': i, 'sq': i * i} for i in range(month % 3)]", *CHUNKS)
    counts = flights["month"] % 3
    expected = flights.loc[flights.index.repeat(counts)]
    items = [i for count in counts for i in range(count)]
    expected = expected.assign(i=items, sq=[i * i for i in items])
    assert output.decode() == expected.to_csv(index=False)


# Which columns are written.


def test_only_leaves_the_input_out(job, whole):
    output = job("--only", "functions.py:route", *CHUNKS).decode()
    assert output.splitlines() == ["route", *(whole["origin"] + "-" + whole["dest"])]


def test_select_keeps_some_of_the_inputs_columns(job, flights, whole):
    output = job("functions.py:route", "--select", "tailnum,year", *CHUNKS).decode()
    expected = flights[["tailnum", "year"]].assign(route=whole["origin"] + "-" + whole["dest"])
    assert output == expected.to_csv(index=False)


def test_drop_keeps_the_others(job, flights, whole):
    output = job("functions.py:route", "--drop", "origin,year,time_hour", *CHUNKS).decode()
    expected = flights.drop(columns=["origin", "year", "time_hour"])
    expected = expected.assign(route=whole["origin"] + "-" + whole["dest"])
    assert output == expected.to_csv(index=False)


# What is run.


def test_arguments_are_given_by_name_and_read_as_json(job, flights_csv, whole):
    output = job("functions.py:options", "--arg", "factor=1.5", "--arg", "unit=km", *CHUNKS)
    expected = (whole["distance"] * 1.5).astype(str) + "km"
    assert appended(output, flights_csv) == as_written(options=expected)


def test_a_class_is_made_and_its_instance_called(job, flights_csv, whole):
    output = job("functions.py:Scaler", "--arg", "factor=3", *CHUNKS)
    assert appended(output, flights_csv) == as_written(Scaler=whole["distance"] * 3)


def test_a_method_is_called_on_an_instance(job, flights_csv, whole):
    output = job("functions.py:Scaler.scale", *CHUNKS)
    assert appended(output, flights_csv) == as_written(scale=whole["hour"] * 10)


def test_a_value_function_replaces_values_where_they_stand(job, flights):
    output = job("functions.py:double", "-c", "dep_delay,distance", *CHUNKS).decode()
    expected = flights.assign(dep_delay=flights["dep_delay"] * 2, distance=flights["distance"] * 2)
    assert output == expected.to_csv(index=False)


def test_a_value_function_of_text_sees_none_for_missing_values(job, flights):
    output = job("functions.py:clean", "-c", "tailnum", *CHUNKS).decode()
    expected = flights.assign(tailnum=flights["tailnum"].str.strip().str.lower())
    assert output == expected.to_csv(index=False)


def test_a_value_functions_results_go_into_new_columns(job, flights_csv, flights):
    output = job("functions.py:double", "-c", "dep_delay,distance", "--into", "a,b", *CHUNKS)
    expected = as_written(a=flights["dep_delay"] * 2, b=flights["distance"] * 2)
    assert appended(output, flights_csv) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("distance * 2", lambda df: df["distance"] * 2),
        ("arr_delay and arr_delay - dep_delay", lambda df: df["arr_delay"] - df["dep_delay"]),
        ("math.sqrt(distance)", lambda df: df["distance"] ** 0.5),
        ("min(hour, minute)", lambda df: df[["hour", "minute"]].min(axis=1)),
        ("row['origin'] + dest", lambda df: df["origin"] + df["dest"]),
        ("[x for x in dest][0]", lambda df: df["dest"].str[0]),
        ("7", lambda df: 7),
    ],
)
def test_an_expression_over_columns(job, flights_csv, flights, text, expected):
    output = appended(job("-e", text, *CHUNKS), flights_csv)
    result = expected(flights)
    if text.startswith("arr_delay"):  # 0 and x is 0
        result = result.mask((flights["arr_delay"] == 0).fillna(False), 0)
    frame = flights[["year"]].assign(result=result, end="")
    lines = [line.split(",")[1] for line in frame.to_csv(index=False).splitlines()]
    assert output == lines


def test_an_expression_over_a_value(job, flights):
    output = job("-e", "value.lower()", "-c", "carrier", *CHUNKS).decode()
    assert output == flights.assign(carrier=flights["carrier"].str.lower()).to_csv(index=False)


def test_an_expression_over_df_is_a_chunk_function(job, flights_csv, whole):
    output = job("-e", "df.distance / df.air_time", *CHUNKS)
    assert appended(output, flights_csv) == as_written(result=whole["distance"] / whole["air_time"])


def test_a_filter_over_df_keeps_the_rows_where_its_mask_is_true(job, flights, whole):
    output = job("--filter", "-e", "df.dep_delay > 100", *CHUNKS).decode()
    assert output == flights[whole["dep_delay"] > 100].to_csv(index=False)


# Chunk functions.


@pytest.mark.parametrize("size", ["100", "100000"])
def test_a_chunk_function_returns_a_frame_that_is_the_output(job, whole, size):
    output = job("functions.py:with_ratio", "--chunk-size", size).decode()
    expected = whole.assign(ratio=whole["dep_delay"] / whole["distance"])
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(output)), expected)


def test_a_chunk_function_gets_and_returns_an_arrow_table(job, flights):
    output = job("functions.py:grow", *CHUNKS).decode()
    assert output == flights.assign(triple=flights["distance"] * 3).to_csv(index=False)


def test_a_chunk_function_gets_and_returns_a_polars_frame(job, flights):
    pytest.importorskip("polars")
    output = job("functions.py:in_polars", *CHUNKS).decode()
    expected = flights[["carrier"]].assign(km=flights["distance"] * 1.609)
    assert output == expected.to_csv(index=False)


def test_a_series_of_the_chunks_length_becomes_a_column(job, flights_csv, whole):
    output = job("functions.py:delays", *CHUNKS)
    delays = whole["arr_delay"] - whole["dep_delay"]
    assert appended(output, flights_csv) == as_written(delays=delays)


def test_an_array_of_the_chunks_length_becomes_a_column(job, flights_csv, whole):
    output = job("functions.py:hours", "--into", "minutes", *CHUNKS)
    minutes = whole["hour"] * 60 + whole["minute"]
    assert appended(output, flights_csv) == as_written(minutes=minutes)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_every_chunk_has_the_dtypes_of_the_whole(job, flights_folder, functions, suffix):
    functions.write_text(
        "import pandas as pd\n"
        "def dtypes(df: pd.DataFrame):\n"
        "    return pd.DataFrame({'dtypes': [' '.join(map(str, df.dtypes))]})\n"
    )
    source = flights_folder / f"flights.{suffix}"
    output = read(job("functions.py:dtypes", "--chunk-size", "40", source=source))
    frame = pd.read_csv(source) if suffix == "csv" else pd.read_parquet(source)
    assert set(output["dtypes"]) == {" ".join(map(str, frame.dtypes))}


# Formats, inputs and outputs.


def test_parquet_to_csv_writes_what_pandas_writes(job, flights, flights_parquet, whole):
    output = job("functions.py:route", *CHUNKS, source=flights_parquet).decode()
    expected = flights.assign(route=whole["origin"] + "-" + whole["dest"])
    assert output == expected.to_csv(index=False)


def test_parquet_to_parquet_keeps_types_and_metadata(job, flights_parquet, tmp_path):
    job("functions.py:route", "-o", "out.parquet", *CHUNKS, source=flights_parquet)
    flights = pd.read_parquet(flights_parquet)
    expected = flights.assign(route=flights["origin"] + "-" + flights["dest"])
    pdt.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), expected)


def test_several_inputs_are_one_table_in_order(succeed, functions, flights, written):
    parts = [flights[:2500], flights[2500:2501], flights[2501:2501], flights[2501:]]
    names = [written(f"part{i}.csv", part.to_csv(index=False)).name for i, part in enumerate(parts)]
    output = succeed("functions.py:route", *CHUNKS, *names).decode()
    expected = flights.assign(route=flights["origin"] + "-" + flights["dest"])
    assert output == expected.to_csv(index=False)


def test_several_parquet_inputs_are_one_table(
    succeed, functions, flights, flights_parquet, tmp_path
):
    flights[:2500].to_parquet(tmp_path / "one.parquet", index=False)
    flights[2500:].to_parquet(tmp_path / "two.parquet", index=False)
    succeed("functions.py:route", "one.parquet", "two.parquet", "-o", "out.parquet")
    flights = pd.read_parquet(flights_parquet)
    expected = flights.assign(route=flights["origin"] + "-" + flights["dest"])
    pdt.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), expected)


def test_a_column_of_integers_in_one_file_and_fractions_in_another_is_of_floats(succeed, written):
    written("one.csv", "a\n1\n2\n")
    written("two.csv", "a\n0.5\n")
    output = succeed("--only", "-e", "type(a).__name__", "one.csv", "two.csv")
    assert output == b"result\nfloat\nfloat\nfloat\n"


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_standard_input_is_read_through_a_pipe(succeed, functions, flights_folder, suffix):
    path = flights_folder / f"flights.{suffix}"
    settings = ["--from", suffix] if suffix == "tsv" else []
    from_pipe = succeed("functions.py:speed", *settings, stdin=path.read_bytes())
    assert from_pipe == succeed("functions.py:speed", path)


def test_standard_input_is_read_from_a_file_it_is_redirected_from(parapply, functions, flights_csv):
    with open(flights_csv, "rb") as file:
        file.seek(0)
        done = parapply("functions.py:speed", "-", stdin=file)
    assert done.stdout == parapply("functions.py:speed", flights_csv).stdout


def test_to_chooses_the_format_of_standard_output(job, whole):
    import pyarrow.parquet as pq

    output = job("functions.py:route", "--to", "parquet")
    route = pq.read_table(io.BytesIO(output))["route"].to_pylist()
    assert route == (whole["origin"] + "-" + whole["dest"]).tolist()


def test_jobs_can_stand_in_a_pipe(succeed, functions, flights_csv, flights):
    first = succeed("--filter", "functions.py:late", flights_csv)
    output = succeed("functions.py:route", stdin=first).decode()
    late = flights[(flights["dep_delay"] > 30).fillna(False)]
    assert output == late.assign(route=late["origin"] + "-" + late["dest"]).to_csv(index=False)
