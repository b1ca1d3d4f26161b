"""The nouns of every room: jobs, chunks, outcomes, reports, errors. Imports no other room."""
