"""What machines ask of the process: whether it is ready, and its numbers."""
