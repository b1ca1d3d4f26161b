"""JSON Lines, and arrays of objects: read value by value, written from their own bytes."""
