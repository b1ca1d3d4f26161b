"""What a person names on the command line, as something to call: found, loaded, looked into."""
