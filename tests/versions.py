"""What pandas, as an oracle, does otherwise where an older one is installed."""

import pandas as pd

PANDAS = tuple(map(int, pd.__version__.split(".")[:2]))

# With this `read_csv` reads floats to the last digit; from pandas 3 on it does so, and may not be
# told.
TO_THE_LAST_DIGIT = {"float_precision": "round_trip"} if PANDAS < (3, 0) else {}
