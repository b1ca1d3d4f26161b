"""What outlives a run, so that the next one goes on from it."""
