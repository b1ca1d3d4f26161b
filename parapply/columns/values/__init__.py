"""Python values, as functions return them, to Arrow arrays. In the worker."""
