"""Files and folders that appear whole or not at all. In the parent."""
