"""What is written down when an attempt ends, on a real database."""
