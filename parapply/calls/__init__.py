"""What a worker does with a chunk: read it, call the function, write the part. In the worker."""
