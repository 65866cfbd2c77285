"""What tasks decide and keep, without a queue."""
