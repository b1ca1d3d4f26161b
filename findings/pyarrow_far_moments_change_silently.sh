#!/usr/bin/env bash
# pyarrow 26.0.1: text of a far timestamp with a zone is another date, and times lose nanoseconds.
#
# Seen: cast to text, timestamp[us] of 2^63 - 1 (how DuckDB writes infinity) is a placeholder,
# "<value out of range: ...>", while the same ticks with the zone UTC are a plausible date in the
# year 32103, without an error; the right year is 294247. And to_pylist() of time64[ns] leaves the
# nanoseconds out without a word, where Table.to_pandas() raises.
#
# Output seen:
#   no zone: <value out of range: 9223372036854775807>
#   UTC: 32103-01-10 04:00:54.775807Z
#   to_pylist: [datetime.time(10, 0)]
#   to_pandas: ArrowInvalid
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pyarrow==26.0.1 pandas==3.1.1 2>/dev/null
cd "$folder"
cat > seen.py <<'PY'
import pyarrow as pa

for name, type_ in (("no zone", pa.timestamp("us")), ("UTC", pa.timestamp("us", "UTC"))):
    print(f"{name}:", pa.array([2**63 - 1], type_).cast(pa.string())[0])
times = pa.array([36_000_000_000_001], pa.time64("ns"))
print("to_pylist:", times.to_pylist())
try:
    print("to_pandas:", pa.table({"t": times}).to_pandas()["t"].tolist())
except pa.ArrowException as error:
    print("to_pandas:", type(error).__name__)
PY
"$folder/venv/bin/python" seen.py | tee seen.txt
diff - seen.txt <<'OUT'
no zone: <value out of range: 9223372036854775807>
UTC: 32103-01-10 04:00:54.775807Z
to_pylist: [datetime.time(10, 0)]
to_pandas: ArrowInvalid
OUT
echo "as it was seen"
