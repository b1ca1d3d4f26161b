"""Arrow arrays, Python values, and the types of both."""
