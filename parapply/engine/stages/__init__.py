"""What is done over an open session, one after the other: survey the input, apply the function."""
