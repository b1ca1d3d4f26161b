"""Arrow arrays and Python values, and the types of both, as all formats and results need them."""
