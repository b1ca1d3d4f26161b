"""What a function can use of the run that it is part of: see parapply.worker. In workers."""
