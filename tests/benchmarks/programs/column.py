"""A script of the csv module that GNU parallel runs over pieces of a file: `column.py NUMBER`.

Every piece begins with the header; only the first one's is written.
"""

from __future__ import annotations

import csv
import sys

from functions import distance_of_text

rows = csv.DictReader(sys.stdin)
made = csv.writer(sys.stdout, lineterminator="\n")
if sys.argv[1] == "1":
    made.writerow([*(rows.fieldnames or ()), "made"])
for row in rows:
    made.writerow([*row.values(), distance_of_text(row)])
