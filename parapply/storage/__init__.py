"""Where bytes are: files, folders, locks, and outputs that appear whole or not at all."""
