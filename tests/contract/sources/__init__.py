"""What every kind of source promises, tried on each against a real server."""
