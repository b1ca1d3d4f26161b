"""From a Job to what each layer needs; and all that can be wrong before a row is read."""
