"""Arrow arrays and their types: what every format and every result needs of them."""
