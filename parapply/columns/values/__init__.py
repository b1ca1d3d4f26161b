"""Python values that functions return to Arrow arrays. In the worker."""
