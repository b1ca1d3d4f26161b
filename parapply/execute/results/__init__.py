"""What the function returned, as columns; kept beside the part, to write it anew."""
