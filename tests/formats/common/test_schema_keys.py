"""Keys in a footer that describe columns say of the output what is true of it.

The oracles are the tools' own readers where they are installed, and else what their keys say.
"""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job
from parapply.formats.common.spark_schema import spark_field
from tests import DATA

SPARK = DATA / "types-spark-4.3.0.parquet"
GEO = DATA / "keys-geopandas-1.2.0.parquet"
ROW = b"org.apache.spark.sql.parquet.row.metadata"


def run(path, output, **job):
    job = {"expression": "id * 2", "into": "twice", **job}
    parapply.run(Job(inputs=path, output=output, backend="serial", **job))
    return pq.read_schema(output).metadata if str(output).endswith("parquet") else None


def spark(metadata):
    return json.loads(metadata[ROW])["fields"]


def test_spark_is_told_of_the_columns_that_there_are(tmp_path):
    before = spark(pq.read_schema(SPARK).metadata)
    after = spark(run(SPARK, tmp_path / "out.parquet", drop="d9"))
    made = {"name": "twice", "type": "long", "nullable": True, "metadata": {}}
    assert after == [field for field in before if field["name"] != "d9"] + [made]


def test_spark_is_told_of_a_column_that_has_another_type(tmp_path):
    after = spark(run(SPARK, tmp_path / "out.parquet", into="ts", expression="str(ts)"))
    assert {field["name"]: field["type"] for field in after}["ts"] == "string"


def test_spark_is_told_nothing_of_a_type_that_it_has_not(tmp_path):
    expression = "__import__('datetime').timedelta(id)"
    metadata = run(SPARK, tmp_path / "out.parquet", expression=expression)
    assert ROW not in metadata
    assert metadata[b"org.apache.spark.version"] == b"4.3.0"


def test_nothing_changes_where_no_column_does(tmp_path):
    metadata = run(SPARK, tmp_path / "out.parquet", expression="True", into=(), filter=True)
    assert metadata[ROW] == pq.read_schema(SPARK).metadata[ROW]


def given_back(table: pa.Table):
    return table.append_column("twice", table["id"])


@pytest.mark.parametrize("path", [SPARK, GEO], ids=["spark", "geo"])
def test_what_a_chunk_function_gives_back_is_still_described(tmp_path, path):
    metadata = run(path, tmp_path / "out.parquet", function=given_back, expression=None, into=())
    if path is SPARK:
        assert spark(metadata)[:-1] == spark(pq.read_schema(path).metadata)
        assert spark(metadata)[-1]["name"] == "twice"
    else:
        assert set(geo(metadata)["columns"]) == {"geometry", "other"}


def geo(metadata):
    return json.loads(metadata[b"geo"])


def test_geometries_are_described_as_they_are(tmp_path):
    assert run(GEO, tmp_path / "a.parquet")[b"geo"] == pq.read_schema(GEO).metadata[b"geo"]
    found = geo(run(GEO, tmp_path / "b.parquet", expression="id < 1", into=(), filter=True))
    assert [one["geometry_types"] for one in found["columns"].values()] == [[], []]
    assert not any("bbox" in one for one in found["columns"].values())
    assert found["columns"]["geometry"]["covering"]
    found = geo(run(GEO, tmp_path / "c.parquet", drop=("geometry", "bbox")))
    assert (found["primary_column"], list(found["columns"])) == ("other", ["other"])
    found = geo(run(GEO, tmp_path / "d.parquet", drop="bbox"))
    assert "covering" not in found["columns"]["geometry"]
    assert b"geo" not in run(GEO, tmp_path / "e.parquet", select="id")
    made = run(
        GEO, tmp_path / "f.parquet", expression="geometry and bytes([*geometry])", into="geometry"
    )
    assert list(geo(made)["columns"]) == ["other"]


COLUMNS = {
    "integers": [10, 20],
    "dates": pd.to_datetime(["2024-01-01", "2024-01-02"]),
    "levels": pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]),
    "texts": pd.Index(["a", "b"], name="kind"),
}


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
def test_pandas_reads_a_table_whose_columns_have_no_texts_for_names(tmp_path, columns, suffix):
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=columns)
    if suffix == "parquet":
        frame.to_parquet(tmp_path / "in.parquet")
    else:
        table = pa.Table.from_pandas(frame)
        with pyarrow.ipc.new_file(tmp_path / "in.arrow", table.schema) as writer:
            writer.write_table(table)
    output = tmp_path / f"out.{suffix}"
    run(tmp_path / f"in.{suffix}", output, expression="7", into="made")
    read = pd.read_parquet if suffix == "parquet" else read_arrow
    found = read(output)
    assert found.shape == (2, 3)
    assert found["made"].tolist() == [7, 7]
    parapply.run(
        Job(expression="True", filter=True, inputs=tmp_path / f"in.{suffix}", output=output)
    )
    pd.testing.assert_frame_equal(read(output), frame)


def read_arrow(path):
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all().to_pandas()


LISTS = {
    b"parquet.avro.schema": b'{"type":"record","fields":[{"name":"id","type":"long"}]}',
    b"iceberg.schema": b'{"type":"struct","fields":[{"id":1,"name":"id"}]}',
    b"thrift.descriptor": b"{}",
}
KEPT = {b"unknown": b"\xff\x00", b"PANDAS_ATTRS": b"{}", b"writer.time.zone": b"Europe/Berlin"}


def keyed(path, metadata):
    table = pa.table({"id": [1, 2, 3], "text": ["a", "b", "c"]})
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path


def test_what_lists_all_columns_stays_while_they_are_the_same(tmp_path):
    path = keyed(tmp_path / "in.parquet", {**LISTS, **KEPT})
    job = {"expression": "id > 1", "into": (), "filter": True}
    assert run(path, tmp_path / "same.parquet", **job) == {**LISTS, **KEPT}
    assert run(path, tmp_path / "more.parquet") == KEPT
    assert run(path, tmp_path / "fewer.parquet", drop="text", **job) == KEPT


@pytest.mark.parametrize("value", [b"no JSON", b"[]", b"{}", b'{"columns": 3}', b"\xff"])
@pytest.mark.parametrize("key", [ROW, b"geo", b"huggingface", b"gdal:schema"])
def test_a_key_of_another_form_is_dropped(tmp_path, key, value):
    path = keyed(tmp_path / "in.parquet", {key: value})
    metadata = run(path, tmp_path / "out.parquet")
    assert metadata is None or key not in metadata or metadata[key] == b'{"columns": {}}'


def test_features_are_those_of_the_inputs_columns(tmp_path):
    features = {name: {"dtype": "int64", "_type": "Value"} for name in ("id", "text")}
    known = json.dumps({"info": {"features": features}}).encode()
    path = keyed(tmp_path / "in.parquet", {b"huggingface": known})
    assert run(path, tmp_path / "a.parquet")[b"huggingface"] == known
    found = json.loads(run(path, tmp_path / "b.parquet", drop="text")[b"huggingface"])
    assert list(found["info"]["features"]) == ["id"]


SPARK_TYPES = {
    "long": pa.int64(),
    "timestamp": pa.timestamp("us", "Europe/Berlin"),
    "timestamp_ntz": pa.timestamp("us"),
    "decimal(5,2)": pa.decimal128(5, 2),
    "string": pa.dictionary(pa.int32(), pa.string()),
    None: pa.timestamp("ns"),
}


@pytest.mark.parametrize(("name", "type_"), SPARK_TYPES.items())
def test_types_have_the_names_that_spark_gives_them(name, type_):
    field = spark_field(pa.field("a", type_))
    assert (field and field["type"]) == name
    nested = pa.map_(pa.string(), pa.list_(pa.struct([pa.field("x", type_, nullable=False)])))
    field = spark_field(pa.field("a", nested))
    if name is None:
        assert field is None
    else:
        assert field["type"]["valueType"]["elementType"]["fields"][0] == {
            "name": "x", "type": name, "nullable": False, "metadata": {},
        }  # fmt: skip
