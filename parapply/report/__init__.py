"""Listeners that make something of what happens in a run; see model/events.py."""
