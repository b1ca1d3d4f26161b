"""What the workers of one run have in common: tables, rates, stops. The parent's side of it."""
