"""What several formats share: line index, row groups, labels of pandas, parts of text."""
