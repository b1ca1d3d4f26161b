"""What is read: files, folders and streams, and what a whole input holds. In the parent."""
