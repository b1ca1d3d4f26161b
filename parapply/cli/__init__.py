"""The command: options, the bar, messages and exit codes. The only room that prints."""
