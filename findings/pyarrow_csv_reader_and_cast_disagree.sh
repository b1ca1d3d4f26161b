#!/usr/bin/env bash
# pyarrow 26.0.1: the CSV reader and a cast from text have other rules for the same type.
#
# Seen: with column_types the reader takes 9223372036854775807 for a decimal128(20, 2), which then
# has 21 digits, one more than its type; a cast of the same text to the same type is refused. And
# for a duration("us") the reader takes 0x10 as 16 microseconds, as it does for integers, while
# there is no cast from text to a duration at all. So a column may hold a value that its own type
# cannot, and "0x10" in a file of durations is no error.
#
# Output seen:
#   reader: 9223372036854775807.00 as decimal128(20, 2)
#   cast: ArrowInvalid
#   reader: 0:00:00.000016 as duration[us]
#   cast: ArrowNotImplementedError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pyarrow==26.0.1 2>/dev/null
cd "$folder"
cat > seen.py <<'PY'
import io

import pyarrow as pa
from pyarrow import csv


def read(text, type_):
    options = csv.ConvertOptions(column_types={"a": type_})
    return csv.read_csv(io.BytesIO(f"a\n{text}\n".encode()), convert_options=options)["a"]


for text, type_ in (("9223372036854775807", pa.decimal128(20, 2)), ("0x10", pa.duration("us"))):
    column = read(text, type_)
    print(f"reader: {column[0].as_py()} as {column.type}")
    try:
        print("cast:", pa.array([text]).cast(type_)[0])
    except pa.ArrowException as error:
        print("cast:", type(error).__name__)
PY
"$folder/venv/bin/python" seen.py | tee seen.txt
diff - seen.txt <<'OUT'
reader: 9223372036854775807.00 as decimal128(20, 2)
cast: ArrowInvalid
reader: 0:00:00.000016 as duration[us]
cast: ArrowNotImplementedError
OUT
echo "as it was seen"
