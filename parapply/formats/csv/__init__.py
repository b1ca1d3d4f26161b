"""CSV: records found by their quotes, read by column, written from their own bytes."""
