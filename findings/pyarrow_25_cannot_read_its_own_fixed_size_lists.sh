#!/usr/bin/env bash
# pyarrow 25.0.0: read_table refuses a Parquet file that write_table of the same version wrote.
#
# Seen: a column of fixed_size_list (an embedding, say) with one missing list is written without a
# word, and read back as an error that speaks of the size of a list. pyarrow 26.0.1 reads the file
# that 25.0.0 wrote, with the list missing, so that the file is right and the older reader is not.
#
# Output seen:
#   25.0.0: ArrowInvalid Expected all lists to be of size=2 but index 2 had size=0
#   26.0.1: [[1.0, 2.0], None, [3.0, 4.0]]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > seen.py <<'PY'
import os

import pyarrow as pa
import pyarrow.parquet as pq

lists = pa.array([[1.0, 2.0], None, [3.0, 4.0]], pa.list_(pa.float32(), 2))
if not os.path.exists("lists.parquet"):
    pq.write_table(pa.table({"c": lists}), "lists.parquet")
try:
    print(f"{pa.__version__}: {pq.read_table('lists.parquet')['c'].to_pylist()}")
except pa.ArrowInvalid as error:
    print(f"{pa.__version__}: {type(error).__name__} {error}")
PY
for version in 25.0.0 26.0.1; do
  python3 -m venv "venv-$version"
  "venv-$version/bin/pip" install -q "pyarrow==$version" 2>/dev/null
  "venv-$version/bin/python" seen.py
done | tee seen.txt
diff - seen.txt <<'OUT'
25.0.0: ArrowInvalid Expected all lists to be of size=2 but index 2 had size=0
26.0.1: [[1.0, 2.0], None, [3.0, 4.0]]
OUT
echo "as it was seen"
