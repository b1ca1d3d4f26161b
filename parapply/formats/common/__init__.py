"""What several formats share: line index, row groups, pandas labels, text parts."""
