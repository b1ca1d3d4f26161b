"""The text of whole Arrow columns, as text formats write it."""
